import { CompiledQuery } from 'kysely'
import type { Db, KeptQueryBuilder } from './database.ts'

/** Compile a query once, with marks where its arguments will be. */
export function placeholders<Args extends Record<string, unknown>, Row>(db: Db, build: KeptQueryBuilder<Args, Row>) {
  class Placeholder {
    readonly name: string
    constructor(name: string) {
      this.name = name
    }
  }
  // The builder only ever carries the placeholder to the compiled query's parameters.
  const { sql, parameters } = build(db, (name) => new Placeholder(name) as never).compile()
  return {
    sql,
    valuesOf: (args: Args): unknown[] => parameters.map((slot) => (slot instanceof Placeholder ? args[slot.name] : slot)),
  }
}

/**
 * A statement of the hot path that is put together once for each engine, for use within a transaction or outside of one. Building its text anew costs several times what
 * the database does for it.
 */
export function keptStatement<Args extends Record<string, unknown>, Row>(
  build: KeptQueryBuilder<Args, Row>,
): (db: Db, args: Args) => Promise<Row[]> {
  const texts = new Map<unknown, ReturnType<typeof placeholders<Args, Row>>>()
  return async (db, args) => {
    const engine = db.getExecutor().adapter.constructor
    const known = texts.get(engine)
    const text = known ?? placeholders<Args, Row>(db, build)
    if (!known) texts.set(engine, text)
    return (await db.executeQuery<Row>(CompiledQuery.raw(text.sql, text.valuesOf(args)))).rows
  }
}
