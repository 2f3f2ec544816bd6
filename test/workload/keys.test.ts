import { MAX_OUTPUT_KEY_BYTES, rejectionKey, renditionKey, sourceKeyMetadata } from '../../workload/keys';

describe('output keys', () => {
  test('contain the whole source key, extension included', () => {
    expect(renditionKey('incoming/a.jpg', 160, 'webp')).toBe('renditions/incoming/a.jpg/160.webp');
    expect(renditionKey('incoming/a.png', 160, 'jpeg')).toBe('renditions/incoming/a.png/160.jpg');
    expect(rejectionKey('incoming/a.jpg')).toBe('rejected/incoming/a.jpg.json');
  });

  test.each(['a+b c/ünï%20.jpg', '../x', '/leading.jpg', '//double//slash.jpg', 'emoji/🐈‍⬛.png', 'new\nline.jpg'])(
    'keep %j as it is',
    (key) => {
      expect(renditionKey(key, 640, 'avif')).toBe(`renditions/${key}/640.avif`);
    },
  );

  test('give way to a hash past 900 bytes, counted in UTF-8', () => {
    const overhead = 'renditions//160.webp'.length;
    const longest = 'é'.repeat((MAX_OUTPUT_KEY_BYTES - overhead) / 2);
    expect(renditionKey(longest, 160, 'webp')).toBe(`renditions/${longest}/160.webp`);
    expect(renditionKey(`${longest}x`, 160, 'webp')).toMatch(/^renditions\/sha256-[0-9a-f]{64}\/160\.webp$/);
    expect(rejectionKey('x'.repeat(1024))).toMatch(/^rejected\/sha256-[0-9a-f]{64}\.json$/);
  });

  test('are no way to another key by its hash', () => {
    const long = 'x'.repeat(1000);
    const hash = renditionKey(long, 160, 'webp').split('/')[1] as string;
    expect(renditionKey(hash, 160, 'webp')).not.toBe(renditionKey(long, 160, 'webp'));
  });

  test('stay apart for long keys that differ in the last character', () => {
    const long = 'x'.repeat(1020);
    expect(renditionKey(`${long}a`, 160, 'webp')).not.toBe(renditionKey(`${long}b`, 160, 'webp'));
  });
});

describe('sourceKeyMetadata', () => {
  test('is readable ASCII for ordinary keys', () => {
    expect(sourceKeyMetadata('incoming/ü 1.jpg')).toEqual({ 'source-key': 'incoming%2F%C3%BC%201.jpg' });
  });

  test('fits the 2 KB of user metadata for the longest key in any script', () => {
    const longest = '写'.repeat(341);
    const metadata = sourceKeyMetadata(longest);
    expect(JSON.stringify(metadata).length).toBeLessThan(1500);
    expect(Buffer.from(metadata['source-key-base64url'] ?? '', 'base64url').toString()).toBe(longest);
  });
});
