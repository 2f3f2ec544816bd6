import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The page's style sheet. */
export const style = (): string => readFileSync(path.join(__dirname, 'style.css'), 'utf8');

/** Its colours alone, light and dark: for pictures that are files of their own. */
export const colours = (): string =>
  /^:root \{.*?^\}\n@media screen and \(prefers-color-scheme: dark\) \{\n.*?^\}/ms.exec(style())?.[0] ?? '';
