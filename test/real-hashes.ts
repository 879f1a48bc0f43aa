/**
 * Hashes that the origins' own libraries wrote, at their default costs, recorded once. Keycloak's are made by what Keycloak calls (the JDK's PBKDF2,
 * Bouncy Castle's Argon2) with Keycloak's parameters and padding, and written as docs/moving-in.md writes them.
 */
export interface RealHash {
  /** The library and its version. */
  readonly source: string
  readonly password: string
  readonly stored: string
  /** Does the origin take every spelling of this password for the same (NFKC)? */
  readonly anySpelling: boolean
}

/** A ligature and an accent by itself: NFC and NFKC each change it, differently. */
export const TELLTALE = '\ufb01ance\u0301e'
const PLAIN = 'correct horse battery'

export const REAL_HASHES: readonly RealHash[] = (
  [
    [
      'better-auth 1.7.25',
      PLAIN,
      '4781d0fc87f028d5fa059d0ac8b4ef3b:6f3be534e62b7ade097dbd2142f034ddbcbc12bedb2149d3f78c37cdb742642cd120754f56bd4001c403f267251bad4b07859c07bc81d673fe805b7bca2d622f',
    ],
    [
      'better-auth 1.7.25',
      TELLTALE,
      '8ad413b6f893ca1087fb55ede8145323:65c8af9343cb7577e994d2f4a4fb8af20954396d25d3381f371f24733cb43409dd69d438cc51e532bbb6fd6c3348c5935e9fe2fb0dd0f09050dd3d4623b9eea4',
    ],
    ['bcryptjs 3.0.3', TELLTALE, '$2b$10$649AsRNRwye87j8fw5/AzeMzIn.0ywQUAy8V9d/g4BwfF0cX/O.iW'],
    [
      'Django 5.2.17 PBKDF2PasswordHasher',
      TELLTALE,
      'pbkdf2_sha256$1000000$O7gQnWVqFUQDrkvkNtFZsx$B+MYIMu39ZX59KbVXGReznLalV6JfIEXmAtKcVSjK24=',
    ],
    [
      'Django 5.2.17 ScryptPasswordHasher',
      TELLTALE,
      'scrypt$16384$xmaxinoWDeUX5GXoGL5NyE$8$5$0pK5+wyy4Zzw3R8zzjH2+lzIbGIOvK3U1tsfG+wdFMHpEDYnDNezUkrw/DCd+2bXkxd1VUpM+DmUGL+orvbIqQ==',
    ],
    [
      'Django 5.2.17 Argon2PasswordHasher, of four lanes',
      TELLTALE,
      'argon2$argon2id$v=19$m=102400,t=2,p=4$UEdhODlvem5RbkJzS0JBWTVFV2c2cA$/oepoKJSizDJgSICmdCObhov5Prv1UgKA3uRZGPV/1c',
    ],
    ['Django 5.2.17 BCryptSHA256PasswordHasher', TELLTALE, 'bcrypt_sha256$$2b$12$E47uGcsSoby9EJpVySfnt.mJ/hwdVGlK8gEf8OyvRZ/z65yeBdH0W'],
    ['passlib 1.7.4 pbkdf2_sha256', TELLTALE, '$pbkdf2-sha256$29000$wjhnrFUqxThn7F3rXSvFOA$r7yxEAhLwMvtyE94IDJEPr4ufxgyN2JEP6xQS.8Obkc'],
    [
      'passlib 1.7.4 pbkdf2_sha512',
      TELLTALE,
      '$pbkdf2-sha512$25000$ACDEOGfs3bu3tvY.55zzXg$LUxgnrikXmzEbdEDBugD2UEOdh93Yvjt2tnu/H31auX4BE.q4Dn4ojXJ1aBd97HuZj2h.ZsC3scK2moYa4G5sA',
    ],
    ['passlib 1.7.4 pbkdf2_sha1', TELLTALE, '$pbkdf2$131000$rlWKcQ7BWAtBqNX63zsnZA$2wIuNyE5eH2OAeeHRpLnTcfXzxI'],
    [
      'Werkzeug 3.1.9 scrypt',
      TELLTALE,
      'scrypt:32768:8:1$Tm4OyAE29YynBDgS$708201ff279cd4beddbfa89135437583d81bf782019a7bff640bd666b215c04ef92639834ddfdfccdd7daafaf0d5add20ce597986f2468e2db6044094057a093',
    ],
    [
      'Werkzeug 3.1.9 pbkdf2:sha256',
      TELLTALE,
      'pbkdf2:sha256:1000000$RJDkKdQ3ka4AyjDE$4916c53516f965f078e7668e68691b2346c986fcf5a3d79a52307572796b8898',
    ],
    [
      'Keycloak pbkdf2-sha256 (OpenJDK 17)',
      PLAIN,
      '$pbkdf2-sha256$i=27500$Ilv1e3ynC6nrlhBPylfBvw==$XtONnON7ovjZRWA+Sa5nidEj9b2kkFuA6cT8H5cvDSyq9PhVNfPzVnC0AvY5QaWUQ/57o2QFWjMOLJANMEsFLw==',
    ],
    [
      'Keycloak pbkdf2-sha512 (OpenJDK 17)',
      PLAIN,
      '$pbkdf2-sha512$i=210000$i7aEPF9xS2DwFPrrltx4sQ==$cSapVuXpjc9/DoJLkyi7WNObjbf7RVCqka76DECV95SJV75v4qqKuGZiqhsy3SiAtw3pXrFsRUzRl21CGQK2Kw==',
    ],
    [
      'Keycloak pbkdf2 (OpenJDK 17)',
      PLAIN,
      '$pbkdf2$i=20000$ZbBVv8uH35Pxev80FptXow==$IWcxedynpX35dXPcQC1pubpV4PAHqTfDYdAwNDxaeR3ghcv5UVpbiDAtEXEyWPlnHkOQRj2dC9xWdyeu49Zgkg==',
    ],
    [
      'Keycloak argon2 (Bouncy Castle 1.72)',
      PLAIN,
      '$argon2id$v=19$m=7168,t=5,p=1$Y9J2m1vtO+lpzs1gmbv1OQ$UysW/Ie2HrR5qeAktOOrH1Ptqq01mbmvlTL9yTQDCxU',
    ],
    [
      'Keycloak pbkdf2-sha256 (OpenJDK 17)',
      TELLTALE,
      '$pbkdf2-sha256$i=27500$8Vcx/H2fCgUs7Qmb7Syh4g==$YlwSAC/xTuAcg03ryouHO8nLpd684Vhv5NoeK9/p7+GA1PZXYvPnYbxJxXdEKQaAq4CjedvSOoSVu+IHsDPlaw==',
    ],
    [
      'Keycloak pbkdf2-sha512 (OpenJDK 17)',
      TELLTALE,
      '$pbkdf2-sha512$i=210000$WEmjTTl3We35ncFnJ7wDOg==$j9bq1HxJgsQohEO+tSLls/M5Ig5CEs2k6monzaiT93fCnzFWB4QAEK6l/LITxaGw86CQ4v3e49I261642gG0bQ==',
    ],
    [
      'Keycloak pbkdf2 (OpenJDK 17)',
      TELLTALE,
      '$pbkdf2$i=20000$M5U0K/mKy3lYIHtw2rZjyg==$jrsNba43wL1O0+ADGHJvDNQobPdin1pZm7Of2vImawSWGBS4FnInry0UsqPrPHibF7d8s1Zrs/COnN0lx7b+Pw==',
    ],
    [
      'Keycloak argon2 (Bouncy Castle 1.72)',
      TELLTALE,
      '$argon2id$v=19$m=7168,t=5,p=1$qO1VKDXuJbyGWdQIGXBcFQ$cxK+HBO9XQGKbLn+AslvYaagvHfVExqnaXpRxzs4un4',
    ],
  ] as const
).map(([source, password, stored]) => ({ source, password, stored, anySpelling: source.startsWith('better-auth') }))

/** Django 5.2.17's default Argon2: eight lanes, and our bound is four. Of {@link REAL_HASHES} by right, but above what is checked. */
export const DJANGO_ARGON2_DEFAULT =
  'argon2$argon2id$v=19$m=102400,t=2,p=8$RlhNTGdERW4zZjNJb1NyekdTb213ZQ$DgAvs+QmTO35Hl7PhULvW8TFjRGSPT5Bbj87Rf4V5bA'
