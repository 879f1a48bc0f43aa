import { existsSync } from 'node:fs'
import { openEnd, type Place } from './move-plan.ts'

/**
 * Has nobody made a table here yet? It looks, and makes nothing.
 *
 * @throws AuthError `database_refused`
 */
export async function isNew(place: Place): Promise<boolean> {
  const { location } = place
  if (location.engine === 'sqlite' && (location.path === null || !existsSync(location.path))) return true
  await using end = await openEnd(place, 'snapshot')
  return (await end.schema()).size === 0
}
