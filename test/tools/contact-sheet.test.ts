import { contactSheet, type Sheet, type SheetCell, type SheetRow } from '../../tools/local/contact-sheet';

const WAYS = ['ec2', 'lambda', 'ecs-fargate', 'eks-ec2'];

function done(way: string, folder = 'incoming/a.jpg', sha256 = 'ab12cd34'.repeat(8)): SheetCell {
  const paths = [160, 640].map((width) => `${way}/renditions/${folder}/${width}.webp`);
  return {
    state: 'done',
    milliseconds: 1234.4,
    thumbnail: paths[0] as string,
    renditions: paths.map((path) => ({ name: path.split('/').at(-1) as string, path, bytes: 48_123, sha256 })),
  };
}

function row(sourceKey = 'incoming/a.jpg', changed: Readonly<Record<string, SheetCell>> = {}): SheetRow {
  const cells = Object.fromEntries(WAYS.map((way) => [way, changed[way] ?? done(way)]));
  return { sourceKey, sourceBytes: 3_600_000, cells, byteEqual: Object.keys(changed).length === 0 };
}

function page(rows: readonly SheetRow[], ways: readonly string[] = WAYS): string {
  const summary = ways.map((way) => ({ way, columns: { done: '27', total: '8.4 s' } }));
  const sheet: Sheet = { ways, rows, byteEqual: rows.every((one) => one.byteEqual), summary };
  return contactSheet(sheet);
}

/** The text a reader gets, without markup. */
const words = (html: string) =>
  html
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');
const heading = (html: string) => words(/<h1.*<\/h1>/.exec(html)?.[0] ?? '').trim();

describe('contactSheet', () => {
  it('says in words that all ways wrote the same bytes', () => {
    expect(heading(page([row()]))).toBe('= Byte-equal: all four ways wrote the same bytes');
  });

  it('says in words when a way differs, where, and in what', () => {
    const html = page([row(), row('incoming/b.jpg', { lambda: done('lambda', 'incoming/b.jpg', 'ff'.repeat(32)) })]);
    expect(heading(html)).toBe('\u2260 Not byte-equal: the ways differ on 1 of 2 pictures');
    expect(html).toContain('<a href="#picture-2"><bdi>incoming/b.jpg</bdi></a>');
    expect(html).toContain('<li id="picture-2">');
    expect(words(html)).toContain('640.webp 48.1 kB ffffffff differs from ec2');
    expect(words(html)).toContain('640.webp 48.1 kB ab12cd34');
    expect(html.match(/differs from/g)).toHaveLength(2);
  });

  it('says when an outcome differs and what is missing', () => {
    const failed: SheetCell = { state: 'failed', detail: 'received 3 times', renditions: [] };
    const html = words(page([row('a', { lambda: failed })]));
    expect(html).toContain('failed differs from ec2');
    expect(html).toContain('received 3 times');
    expect(html).toContain('no 160.webp no 640.webp');
    expect(html).toContain('1 result failed');
  });

  it('says when a way has no result', () => {
    expect(words(page([{ ...row(), cells: { ec2: done('ec2') }, byteEqual: false }]))).toContain('lambda no result');
  });

  it('does not claim a comparison that was not made', () => {
    expect(heading(page([]))).toBe('No pictures, nothing to compare');
    expect(heading(page([row()], ['ec2']))).toBe('One way, nothing to compare');
  });

  it('shows for every way the state, the time, the thumbnail and all renditions', () => {
    const html = page([row()]);
    for (const way of WAYS) {
      expect(html).toContain(`<img src="./${way}/renditions/incoming/a.jpg/160.webp" alt="incoming/a.jpg, ${way}"`);
      expect(html).toContain(`<a href="./${way}/renditions/incoming/a.jpg/640.webp">640.webp</a>`);
    }
    expect(html.match(/loading="lazy"/g)).toHaveLength(4);
    expect(words(html).match(/done 1,234 ms/g)).toHaveLength(4);
    expect(words(html)).toContain('3.6 MB');
    expect(html).toContain(`title="SHA-256 ${'ab12cd34'.repeat(8)}">ab12cd34<`);
  });

  it('shows why a picture is rejected, which is no failure', () => {
    const rejected: SheetCell = { state: 'rejected', reason: 'too-large', detail: '60000 x 60000 px', renditions: [] };
    const cells = Object.fromEntries(WAYS.map((way) => [way, rejected]));
    const html = page([{ ...row(), cells }]);
    expect(words(html)).toContain('= same outcome');
    expect(words(html)).toContain('too-large rejected 60000 x 60000 px');
    expect(words(html)).not.toContain('failed');
    expect(html).not.toContain('<img');
  });

  it('has a summary table with the ways as columns', () => {
    const html = page([row()]);
    expect(html).toContain('<th scope="col">ecs-fargate</th>');
    expect(html).toContain(
      '<tr><th scope="row">total</th><td>8.4 s</td><td>8.4 s</td><td>8.4 s</td><td>8.4 s</td></tr>',
    );
  });

  it('escapes hostile names, states and details', () => {
    const hostile = `"><script>alert('1')</script><img src=x onerror=alert(2)>&amp;`;
    const cell: SheetCell = { ...done('ec2'), state: hostile, reason: hostile, detail: hostile };
    const html = page([row(hostile, { ec2: cell })]);
    expect(html).not.toContain('<script');
    expect(html).not.toContain('<img src=x');
    expect(html).toContain('&#34;&#62;&#60;script&#62;alert(&#39;1&#39;)&#60;');
    expect(html).toContain('&#38;amp;');
  });

  it('shows characters that hide or reorder others, and leaves emoji and joiners alone', () => {
    const html = page([row('invoice\u202egpj.exe\u0000\n\u200b\ud800 \u{1f469}\u200d\u{1f467}')]);
    expect(html).toContain('invoice[U+202E]gpj.exe[U+0000][U+000A][U+200B][U+D800] \u{1f469}\u200d\u{1f467}');
    expect(html).not.toMatch(/[\u202e\0\u200b]/);
  });

  it('encodes paths so that they lead back to the same file below the page', () => {
    const folder = 'incoming/50%25 #1? a+b \u{1f600}&"\'<.jpg';
    const html = page([{ ...row(), cells: { ec2: done('ec2', folder) } }], ['ec2']);
    const url = new URL(
      /<img src="([^"]+)"/.exec(html)?.[1]?.replaceAll('&#39;', "'") as string,
      'file:///out/page.html',
    );
    expect([url.search, url.hash]).toEqual(['', '']);
    expect(decodeURIComponent(url.pathname)).toBe(`/out/ec2/renditions/${folder}/160.webp`);
  });

  it('cannot be led to another host or scheme by a path', () => {
    for (const path of ['//host/x.webp', 'javascript:alert(1)', 'https://host/x.webp', 'data:text/html,x']) {
      const cell: SheetCell = {
        state: 'done',
        thumbnail: path,
        renditions: [{ name: 'x', path, bytes: 1, sha256: '' }],
      };
      const html = page([{ ...row(), cells: { ec2: cell } }], ['ec2']);
      for (const [, link] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
        expect(new URL(link as string, 'https://page.test/out/').origin).toBe('https://page.test');
      }
    }
  });

  it('needs no script and no network', () => {
    const html = page([row()]);
    expect(html).not.toMatch(/<script|<link|@import|url\(|https?:/);
    expect(html).toContain("default-src 'none'");
  });

  it('holds hundreds of pictures', () => {
    const html = page(Array.from({ length: 300 }, (_, i) => row(`incoming/${i}.jpg`)));
    expect(html.match(/<article>/g)).toHaveLength(300);
    expect(html.length).toBeLessThan(2_000_000);
  });
});
