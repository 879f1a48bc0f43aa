import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { hashSync } from '@node-rs/bcrypt'
import fc from 'fast-check'
import { OLD_HASH_FORMATS, OLD_HASHES } from '../../test/old-hashes.ts'
import { DJANGO_ARGON2_DEFAULT, REAL_HASHES, TELLTALE } from '../../test/real-hashes.ts'
import { decoyHash, hashWithArgon2id, readStoredHash } from './password-hash.ts'

const DEFAULT_COST = { memoryKib: 19_456, passes: 2, parallelism: 1 }
const LOW_COST = { memoryKib: 64, passes: 1, parallelism: 1 }
const SALT = 'c29tZXNhbHQ'
const TAG = 'A'.repeat(43)
const BCRYPT_TAIL = `${'.'.repeat(22)}${'a'.repeat(31)}`

async function verifies(stored: string, password: string): Promise<boolean | undefined> {
  return readStoredHash(stored)?.verify(password, password.normalize('NFC'))
}

/** The vectors are in hexadecimal. */
function phcScrypt(log2N: number, r: number, p: number, salt: string, tagHex: string): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  return `$scrypt$ln=${log2N},r=${r},p=${p}$${base64(Buffer.from(salt))}$${base64(Buffer.from(tagHex, 'hex'))}`
}

/** Published with the algorithms: each verifies its password and no other. */
const VECTORS: [source: string, password: string, stored: string][] = [
  ['Argon2 reference test.c, argon2id', 'password', `$argon2id$v=19$m=256,t=2,p=1$${SALT}$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4`],
  ['Argon2 reference test.c, two lanes', 'password', `$argon2id$v=19$m=256,t=2,p=2$${SALT}$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc`],
  ['Argon2 reference test.c, argon2i', 'password', `$argon2i$v=19$m=256,t=2,p=1$${SALT}$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8`],
  ['crypt_blowfish, U*U', 'U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['crypt_blowfish, U*U*', 'U*U*', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK'],
  ['crypt_blowfish, U*U*U', 'U*U*U', '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a'],
  ['crypt_blowfish as $2y', 'U*U', '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['crypt_blowfish under Django', 'U*U', 'bcrypt$$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  [
    'RFC 7914 section 12, second',
    'password',
    phcScrypt(
      10,
      8,
      16,
      'NaCl',
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    ),
  ],
  [
    'RFC 7914 section 12, third, as Werkzeug writes it',
    'pleaseletmein',
    'scrypt:16384:8:1$SodiumChloride$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
  ],
  [
    'RFC 7914 section 11, PBKDF2-HMAC-SHA-256, as Werkzeug writes it',
    'passwd',
    'pbkdf2:sha256:1$salt$55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783',
  ],
  ['RFC 6070, PBKDF2-HMAC-SHA-1, 4096 rounds', 'password', 'pbkdf2:sha1:4096$salt$4b007901b765489abead49d926f721d065a429c1'],
  [
    'RFC 6070, as Django writes it',
    'password',
    `pbkdf2_sha1$2$salt$${Buffer.from('ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957', 'hex').toString('base64')}`,
  ],
]

for (const [source, password, stored] of VECTORS) {
  test(`published vector: ${source}`, async () => {
    assert.equal(await verifies(stored, password), true)
    assert.equal(await verifies(stored, `${password}x`), false)
    assert.equal(await verifies(stored, password.toUpperCase() === password ? password.toLowerCase() : password.toUpperCase()), false)
    assert.equal(readStoredHash(stored)?.isCurrent(DEFAULT_COST), false)
  })
}

for (const format of OLD_HASH_FORMATS) {
  test(`a hash as another system writes it matches its password only: ${format}`, async () => {
    const stored = OLD_HASHES[format]('pässwörd 1')
    assert.equal(await verifies(stored, 'pässwörd 1'), true)
    for (const other of ['pässwörd 2', 'passwo\u0308rd 1', '', 'PÄSSWÖRD 1', 'pässwörd 1 ', 'pässwörd\u00001'])
      assert.equal(await verifies(stored, other), false)
    assert.equal(readStoredHash(stored)?.isCurrent(DEFAULT_COST), false)
  })
}

test("Django's bcrypt_sha256 takes passwords of any length whole", async () => {
  const long = 'p'.repeat(100)
  const stored = `bcrypt_sha256$${hashSync(createHash('sha256').update(long).digest('hex'), 4)}`
  assert.equal(await verifies(stored, long), true)
  assert.equal(await verifies(stored, 'p'.repeat(99)), false)
})

test('a bcrypt hash is never matched by a password beyond 72 bytes, counted in bytes', async () => {
  for (const password of ['p'.repeat(72), 'é'.repeat(36)]) {
    const stored = hashSync(password, 4)
    assert.equal(await verifies(stored, password), true)
    assert.equal(await verifies(stored, `${password}x`), false)
  }
})

test('hashes that cost too much are no hashes to us, those at the limit are', () => {
  const limits: [atLimit: string, above: string][] = [
    [`$2b$14$${BCRYPT_TAIL}`, `$2b$15$${BCRYPT_TAIL}`],
    [`$2b$04$${BCRYPT_TAIL}`, `$2b$31$${BCRYPT_TAIL}`],
    [`bcrypt$$2b$14$${BCRYPT_TAIL}`, `bcrypt$$2b$15$${BCRYPT_TAIL}`],
    [`bcrypt_sha256$$2b$14$${BCRYPT_TAIL}`, `bcrypt_sha256$$2b$15$${BCRYPT_TAIL}`],
    [`$argon2id$v=19$m=262144,t=1,p=1$${SALT}$${TAG}`, `$argon2id$v=19$m=262145,t=1,p=1$${SALT}$${TAG}`],
    [`$argon2id$v=19$m=64,t=10,p=1$${SALT}$${TAG}`, `$argon2id$v=19$m=64,t=11,p=1$${SALT}$${TAG}`],
    [`$argon2id$v=19$m=64,t=1,p=4$${SALT}$${TAG}`, `$argon2id$v=19$m=64,t=1,p=5$${SALT}$${TAG}`],
    [`$argon2id$v=19$m=64,t=1,p=1$${SALT}$${TAG}`, `$argon2id$v=19$m=4194304,t=1,p=1$${SALT}$${TAG}`],
    [`$scrypt$ln=18,r=8,p=1$${SALT}$${TAG}`, `$scrypt$ln=19,r=8,p=1$${SALT}$${TAG}`],
    [`$scrypt$ln=10,r=8,p=16$${SALT}$${TAG}`, `$scrypt$ln=10,r=8,p=17$${SALT}$${TAG}`],
    [`scrypt:262144:8:1$salt$${'ab'.repeat(32)}`, `scrypt:524288:8:1$salt$${'ab'.repeat(32)}`],
    [`scrypt$262144$salt$8$1$${TAG}=`, `scrypt$524288$salt$8$1$${TAG}=`],
    [`pbkdf2_sha256$3000000$salt$${TAG}=`, `pbkdf2_sha256$3000001$salt$${TAG}=`],
    [`pbkdf2:sha512:3000000$salt$${'ab'.repeat(64)}`, `pbkdf2:sha512:3000001$salt$${'ab'.repeat(64)}`],
    [`$pbkdf2-sha256$3000000$${SALT}$${TAG}`, `$pbkdf2-sha256$3000001$${SALT}$${TAG}`],
    // A tag of two blocks costs twice as much.
    [`$pbkdf2-sha256$i=1500000$${SALT}$${TAG}${TAG}`, `$pbkdf2-sha256$i=1500001$${SALT}$${TAG}${TAG}`],
  ]
  for (const [atLimit, above] of limits) {
    assert.notEqual(readStoredHash(atLimit), null, atLimit)
    assert.equal(readStoredHash(above), null, above)
  }
})

test('what is malformed is no hash: nothing of it is ever handed to a library', () => {
  for (const stored of [
    '',
    'x',
    'SuperHashedPwd',
    '$argon2id$',
    `$argon2id$v=19$m=0,t=1,p=1$${SALT}$${TAG}`,
    `$argon2id$v=19$m=64,t=0,p=1$${SALT}$${TAG}`,
    `$argon2id$v=19$m=64,t=1,p=0$${SALT}$${TAG}`,
    `$argon2id$v=19$m=8,t=1,p=2$${SALT}$${TAG}`,
    `$argon2id$v=99$m=64,t=1,p=1$${SALT}$${TAG}`,
    `$argon2id$v=19$m=064,t=1,p=1$${SALT}$${TAG}`,
    `$argon2id$v=19$m=64,t=1,p=1$$${TAG}`,
    `$argon2id$v=19$m=64,t=1,p=1$${SALT}$`,
    `$argon2x$v=19$m=64,t=1,p=1$${SALT}$${TAG}`,
    ` $argon2id$v=19$m=64,t=1,p=1$${SALT}$${TAG}`,
    '$2b$04$short',
    `$2b$03$${BCRYPT_TAIL}`,
    `$2x$04$${BCRYPT_TAIL}`,
    `$2b$04$${BCRYPT_TAIL}x`,
    `scrypt:1000:8:1$salt$${'ab'.repeat(32)}`,
    `scrypt:1:8:1$salt$${'ab'.repeat(32)}`,
    `scrypt:1024:0:1$salt$${'ab'.repeat(32)}`,
    `scrypt:1024:8:0$salt$${'ab'.repeat(32)}`,
    `$scrypt$ln=16,r=1,p=1$${SALT}$${TAG}`,
    'scrypt:1024:8:1$salt$ab',
    `pbkdf2:sha256:0$salt$${'ab'.repeat(32)}`,
    `pbkdf2:md5:1000$salt$${'ab'.repeat(32)}`,
    'pbkdf2:sha256:1000$salt$ab',
    'pbkdf2_sha256$1000$salt$AAAA',
    `$pbkdf2-sha256$i=0$${SALT}$${TAG}`,
    `$pbkdf2-sha256$i=1000$$${TAG}`,
    `$pbkdf2-sha256$i=1000$=$${TAG}`,
    `$pbkdf2-sha256$i=1000$${SALT}$AAAA`,
    `$pbkdf2-md5$i=1000$${SALT}$${TAG}`,
    `pbkdf2_sha256$1000$sa\0lt$${TAG}=`,
    `scrypt:1024:8:1$sa\nlt$${'ab'.repeat(32)}`,
    `${'a'.repeat(32)}:${'b'.repeat(127)}`,
    `${'a'.repeat(31)}:${'b'.repeat(128)}`,
    `${'A'.repeat(32)}:${'b'.repeat(128)}`,
    `:${'b'.repeat(128)}`,
    'md5$salt$5f4dcc3b5aa765d61d8327deb882cf99',
    '5f4dcc3b5aa765d61d8327deb882cf99',
    '!unusable',
  ]) {
    assert.equal(readStoredHash(stored), null, stored)
  }
})

test('reading a stored hash never throws (property)', () => {
  const pieces = fc.constantFrom(
    '$',
    '$argon2id',
    '$2b',
    '$scrypt',
    'pbkdf2:sha256',
    ':',
    '04',
    'v=19',
    'm=64,t=1,p=1',
    'ln=1,r=1,p=1',
    SALT,
    TAG,
    BCRYPT_TAIL,
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces, { maxLength: 10 }).map((parts) => parts.join('')),
      ),
      (stored) => {
        readStoredHash(stored)
      },
    ),
    { numRuns: 2_000 },
  )
})

test('our own hash is current at exactly its own costs', async () => {
  const stored = await hashWithArgon2id('password', LOW_COST)
  const hash = readStoredHash(stored)
  assert.equal(hash?.isCurrent(LOW_COST), true)
  assert.equal(hash?.isCurrent({ ...LOW_COST, memoryKib: 65 }), false)
  assert.equal(hash?.isCurrent({ ...LOW_COST, passes: 2 }), false)
  assert.equal(hash?.isCurrent({ ...LOW_COST, parallelism: 2 }), false)
  assert.equal(readStoredHash(stored.replace('argon2id', 'argon2i'))?.isCurrent(LOW_COST), false)
  assert.equal(readStoredHash(stored.replace('v=19$', ''))?.isCurrent(LOW_COST), false)
})

test('a hash matches the password it was made of and no other, and is salted (property)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' }), async (password, other) => {
      const [one, two] = await Promise.all([hashWithArgon2id(password, LOW_COST), hashWithArgon2id(password, LOW_COST)])
      assert.notEqual(one, two)
      assert.equal(await readStoredHash(one)?.verify(password, password), true)
      assert.equal(await readStoredHash(one)?.verify(other, other), other === password)
    }),
    { numRuns: 50 },
  )
})

test('the decoy costs what a real hash costs, and no password matches it', async () => {
  const decoy = decoyHash(DEFAULT_COST)
  assert.equal(readStoredHash(decoy)?.isCurrent(DEFAULT_COST), true)
  for (const password of ['', 'password', 'not a password', '\u0000']) assert.equal(await verifies(decoy, password), false)
})

for (const { source, password, stored, anySpelling } of REAL_HASHES) {
  test(`a hash made by ${source} matches ${password === TELLTALE ? 'with its normalisation of the password, and only that' : 'its password'}`, async () => {
    const spellings = password === TELLTALE ? [password.normalize('NFC'), password.normalize('NFKC')] : [`${password}x`]
    const answers = await Promise.all([password, `${password}\0`, ...spellings].map((typed) => verifies(stored, typed)))
    assert.deepEqual(answers, [true, false, ...spellings.map(() => anySpelling && password === TELLTALE)])
    assert.equal(readStoredHash(stored)?.isCurrent(DEFAULT_COST), false)
  })
}

test("Django's default Argon2 has eight lanes, above our four, and is no hash to us", () => {
  assert.equal(readStoredHash(DJANGO_ARGON2_DEFAULT), null)
})
