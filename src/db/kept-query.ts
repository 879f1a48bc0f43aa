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
