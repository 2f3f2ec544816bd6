import { Rejection } from './gate';

/** From the words of the decoders to a verdict, in words for the person who uploaded the picture. */

/** Says nothing, or follows from what another line says. */
const NOISE =
  /^$|^Warning treated as error|^Unknown error|^Input buffer|^error in tile|^read gave|bad seek|^(?:vipspng|tiff2vips): (?:libpng )?read error$/;

/** Names of functions and libraries in front of a line. */
const SPEAKER =
  /^(?:Input buffer has corrupt header: *)?(?:(?:VipsJpeg|tiff2vips|vipspng|webp2vips|webp|gifload_buffer|heif|image|source): *)*/;

/** The first that fits any line. They decide what a refused picture is called, never whether it is refused. */
const MEANINGS: readonly (readonly [said: RegExp, reason: 'corrupt' | 'unsupported', meaning: string])[] = [
  [/security limit/i, 'corrupt', 'its header asks for more than any picture needs'],
  [
    /not configured|not implemented|unsupported (?:feature|codec|jpeg|tiff|image type)|not supported|bad labq/i,
    'unsupported',
    'a variant of the format that cannot be decoded here',
  ],
  [
    /premature end|unexpected end|not enough data|outside of file|cannot read full|contains no image/i,
    'corrupt',
    'the file ends before the picture does',
  ],
  [/CRC error|data check|checksum/i, 'corrupt', 'its data has been damaged: a checksum does not fit'],
  [/IHDR|IFD loop|primary item|unable to parse|marker length|image format/i, 'corrupt', 'its header cannot be read'],
];

/** @param heard the decoder's warnings, for where its error says nothing */
export function verdictOn(error: unknown, heard: readonly string[] = []): Rejection {
  const message = error instanceof Error ? error.message : String(error);
  const lines = [message, ...heard].flatMap((text) => text.split('\n')).map((line) => line.trim());
  const said = [...new Set(lines)].filter(
    (line) => !NOISE.test(line.replace(/^Input buffer has corrupt header: */, '')),
  );
  for (const [pattern, reason, meaning] of MEANINGS) {
    const line =
      said.find((candidate) => pattern.test(candidate)) ?? lines.find((candidate) => pattern.test(candidate));
    if (line) return new Rejection(reason, `${meaning} (${plain(line)})`);
  }
  const last = said.at(-1);
  return new Rejection('corrupt', last ? `its data is damaged (${plain(last)})` : 'its data is damaged');
}

function plain(line: string): string {
  return line.replace(SPEAKER, '').slice(0, 200);
}
