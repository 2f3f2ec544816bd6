import { parseMutants } from '../support/mutated-events';

test('100,000 mutated and deeply nested events are read without an exception, and without loss of a good record', () => {
  const { found, ends } = parseMutants(14, 100_000);
  expect(found).toEqual([]);
  // All of what can become of a record has been tried, thousands of times.
  for (const kind of ['created', 'malformed', 'ignored']) expect(ends[kind]).toBeGreaterThan(1000);
});
