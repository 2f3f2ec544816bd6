import { sourceOf } from '../../../tools/faults/traffic';

test.each([
  ['renditions/incoming/a.jpg/640.webp', 'incoming/a.jpg'],
  ['renditions/incoming/nested/picture.gif/160.webp', 'incoming/nested/picture.gif'],
  ['rejected/incoming/a.jpg.json', 'incoming/a.jpg'],
  ['rejected/incoming/nested/picture.gif.json', 'incoming/nested/picture.gif'],
])('%s was made from %s', (output, source) => {
  expect(sourceOf(output)).toBe(source);
});
