/** Numbers of RFC 8032 section 5.1: the field, and the curve's d. */
const P = 2n ** 255n - 19n
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n

/**
 * Is this a point of the curve, in the one spelling that it has (RFC 8032 section 5.1.3), and not one of the eight of low order? OpenSSL takes any 32 bytes for a key. With
 * a point beside the curve nobody can ever log in; with one of low order anybody can, for a signature that is right for one message is right for others.
 */
export function isEd25519Point(bytes: Uint8Array): boolean {
  if (bytes.length !== 32) return false
  // The highest bit is the sign of x.
  const y = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`) & (2n ** 255n - 1n)
  if (y >= P) return false
  const yy = (y * y) % P
  // y is 0 or ±1 at orders 1, 2 and 4. At order 8, doubling leads to y = 0, so x² = -y², which the curve's equation makes d·y⁴ + 2·y² = 1.
  if (yy <= 1n || (D * yy * yy + 2n * yy) % P === 1n) return false
  // x² = (y² - 1) / (d·y² + 1): a square is where the product is one (Euler).
  return power((yy - 1n) * (D * yy + 1n), (P - 1n) / 2n) === 1n
}

/** In the field. What is computed of a public key may take as long as it takes. */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let square = base % P
  for (let bits = exponent; bits > 0n; bits >>= 1n) {
    if (bits & 1n) result = (result * square) % P
    square = (square * square) % P
  }
  return result
}
