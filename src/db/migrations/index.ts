import type { Migration } from '../migrate.ts'
import { usersAndSessions } from './001-users-and-sessions.ts'

/** In order, append-only, forward-only. A migration only adds (docs/adr/0005-storage.md), so that an older node keeps working beside a newer one. */
export const migrations: readonly Migration[] = [usersAndSessions]
