import { createHash } from 'node:crypto';
import { diffArrays } from 'diff';
import type { Json } from './plain';

/** Templates for review: what a snapshot keeps of one, and what differs between two. */

/** For each part of the template that is not the same: its id, the values that are gone and those that are new. */
export function difference(...templates: readonly [before: Json, after: Json]): string {
  const [before, after] = templates.map((template) => parts(normalised(template))) as [Json, Json];
  const lines = Object.keys({ ...before, ...after }).flatMap((id) => {
    const changes = diffArrays(values(before[id] ?? {}), values(after[id] ?? {})).filter(
      ({ added, removed }) => added || removed,
    );
    const changed = changes.flatMap(({ added, value }) => value.map((line) => `${added ? '+' : '-'} ${line}`));
    return changed.length > 0 ? [id, ...changed] : [];
  });
  return lines.map((line) => `\n${line}`).join('');
}

/** Resources, outputs and conditions, by `Resources.Id` and so on. */
function parts(template: Json): Json {
  const sections = Object.entries<Json>(template).filter(([, section]) => section);
  return Object.fromEntries(
    sections.flatMap(([name, section]) => Object.entries(section).map(([id, part]) => [`${name}.${id}`, part])),
  );
}

/** Every value with the path to it. Without its place in a list, or an insertion would seem to change all behind it. */
function values(value: Json, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => values(each, `${path}[]`));
  if (value === null || typeof value !== 'object') return [`${path}: ${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([key, each]) => values(each, path ? `${path}.${key}` : key));
}

/** Without what changes by itself: hashes of assets, and what CDK puts in about its own bootstrap. */
export function normalised({ Resources, Outputs, Conditions }: Json): Json {
  return masked({ Resources, Outputs, Conditions });
}

function masked(value: Json, key = ''): Json {
  if (Array.isArray(value)) return value.map((each) => masked(each));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [withoutVersion(name), masked(each, name)]));
  }
  if (typeof value !== 'string') return value;
  // Code of CDK's own: a hash tells that it changed.
  if (key === 'ZipFile') return `(sha256 ${createHash('sha256').update(value).digest('hex').slice(0, 12)})`;
  // What goes to Kubernetes is JSON in a string, and easier to review as what it says.
  if (key === 'Manifest' || key === 'Values') return masked(JSON.parse(value));
  // Not the digest of somebody else's image, which only we change.
  return withoutVersion(value.replace(/(?<!sha256:)[0-9a-f]{64}/g, '(hash)'));
}

/** The policy that is named after the version of the code that it is for. */
function withoutVersion(id: string): string {
  return id.replace(/\b(BootDownload)[0-9A-F]{8}\b/g, '$1(hash)');
}
