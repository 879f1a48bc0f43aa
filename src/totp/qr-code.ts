/** A picture of a text as SVG, black on white with the quiet zone that scanners want (ISO/IEC 18004 section 7.3.8: four modules), whatever the page's colours. */
export async function qrCode(text: string): Promise<string> {
  const { renderSVG } = await import('uqr')
  return renderSVG(text, { ecc: 'M', border: 4 })
}
