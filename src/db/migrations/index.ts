import type { Migration } from '../migrate.ts'
import { usersAndSessions } from './001-users-and-sessions.ts'
import { mail } from './002-mail.ts'
import { throttles } from './003-throttles.ts'
import { audit } from './004-audit.ts'
import { accounts } from './005-accounts.ts'
import { factors } from './006-factors.ts'

/** In order, append-only, forward-only. A migration only adds (docs/adr/0005-storage.md), so that an older node keeps working beside a newer one. */
export const migrations: readonly Migration[] = [usersAndSessions, mail, throttles, audit, accounts, factors]
