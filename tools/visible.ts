/**
 * Text of somebody else's, such as a file name, for a terminal or a page. Characters that are invisible, reorder their
 * neighbours or command a terminal are shown as their code point, all but the joiners (U+200C, U+200D) that some scripts
 * and emoji are written with.
 */
export function visible(text: string): string {
  return text.replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (hidden) => {
    const codePoint = (hidden.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
    return `[U+${codePoint}]`;
  });
}
