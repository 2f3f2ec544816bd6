import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The page's style sheet. */
export const style = (): string => readFileSync(path.join(__dirname, 'style.css'), 'utf8');

/** Its colours alone, light and dark: for pictures that are files of their own. */
export function colours(): string {
  const found = /^:root \{.*?^\}\n@media screen and \(prefers-color-scheme: dark\) \{\n.*?^\}/ms.exec(style());
  if (!found) throw new Error('style.css has no colours: expected :root, and the dark theme after it');
  return found[0];
}
