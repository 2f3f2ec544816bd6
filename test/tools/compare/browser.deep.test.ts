import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { page as html } from '../../../tools/compare/page/page';
import { CONTROLS, START } from '../../../tools/compare/page/state';
import { comparison } from './sources';

/** The page in a browser, opened from disk: one browser, one page. */

const CHROMIUM = '/usr/bin/chromium';
const found = existsSync(CHROMIUM);

// One line of its own where there is no browser.
(found ? describe : describe.skip)(`the page in ${CHROMIUM}${found ? '' : ', which is not installed'}`, () => {
  let folder: string;
  let browser: Browser;
  let page: Page;
  let address: string;
  const complaints: string[] = [];
  const requests: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'four-ways-page-'));
    const file = path.join(folder, 'index.html');
    writeFileSync(file, await html(await comparison()));
    // Chromium refuses to isolate itself when it is run by root, as in containers.
    const root = process.getuid?.() === 0;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: root ? ['--no-sandbox'] : [] });
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url().replace(/^blob:.*/, 'blob:')));
    page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`));
    address = pathToFileURL(file).href;
    await page.goto(address);
    await settled();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Until the worker has answered everything it was asked. */
  const settled = () => page.locator('html[data-pending="0"]').waitFor({ state: 'attached', timeout: 60_000 });

  /** The page anew, with this end of its address. */
  const open = async (hash = '') => {
    await page.goto('about:blank');
    await page.goto(`${address}${hash}`);
    await settled();
  };

  const unfold = (selector: string, open = true) =>
    page.evaluate(`document.querySelectorAll('${selector}').forEach((each) => { each.open = ${open}; })`);

  /** What a part shows. Charts as they are drawn. */
  const shown = (part: string): Promise<string> =>
    page.evaluate(
      `[...document.querySelectorAll('#${part} [data-slot]')].map((slot) => slot.innerHTML).join('')`,
    ) as Promise<string>;

  test('asks for nothing but itself and its worker', () => {
    expect([...new Set(requests.map((url) => new URL(url).protocol))]).toEqual(['file:', 'blob:']);
    expect(requests.filter((url) => url.startsWith('file:'))).toHaveLength(1);
  });

  test.each(CONTROLS.map(({ name, group, kind }) => ({ name, group, kind })))(
    'the control $name moves what is shown, and the address',
    async ({ name, group }) => {
      const control = CONTROLS.find((each) => each.name === name);
      if (!control) throw new Error(name);
      await unfold('details');
      // In the pattern of arrivals in which it means something.
      if (control.when) await page.selectOption('[name="pattern"]', control.when);
      await settled();
      const place = group === 'scale' ? 'scale' : 'choose';
      const said = async () => `${await shown(place)}${group === 'more' ? await shown('cost') : ''}`;
      const before = await said();
      const selector = `[name="${name}"]`;
      if (control.kind === 'slider') {
        await page.focus(selector);
        await page.keyboard.press(Number(await page.inputValue(selector)) === control.min ? 'PageUp' : 'PageDown');
      }
      if (control.kind === 'number')
        await page.fill(selector, name === 'accountConcurrency' ? '10' : control.max > 10 ? '11' : '3');
      if (control.kind === 'checkbox') await page.click(selector);
      if (control.kind === 'select')
        await page.selectOption(selector, {
          index: control.options.length - 1 - Number(START[name] === control.options.at(-1)?.[0]),
        });
      await page.locator(selector).blur();
      await settled();
      expect(page.url()).toContain(`${name}=`);
      const after = await said();
      expect(after).not.toBe(before);
      // What is in the address is what a reload shows.
      await page.reload();
      await settled();
      await unfold('details');
      expect(await said()).toBe(after);
      await open();
    },
    120_000,
  );

  test('going back takes an answer back, and forth again', async () => {
    const first = await shown('choose');
    await page.selectOption('[name="people"]', 'nobody');
    await page.selectOption('[name="lasts"]', 'hours');
    await settled();
    const then = await shown('choose');
    expect(then).not.toBe(first);
    await page.goBack();
    await page.goBack();
    await settled();
    expect([await shown('choose'), await page.inputValue('[name="people"]')]).toEqual([first, START.people]);
    await page.goForward();
    await page.goForward();
    await settled();
    expect(await shown('choose')).toBe(then);
    await open();
  });

  test('the ring on the map is where the volume is', async () => {
    await open('#imagesPerMonth=100000&imagesPerBurst=1');
    expect(await page.getAttribute('.map .here', 'data-at')).toBe('100000 1');
    await open();
  });

  test('any two stacks are shown by their difference, and the pair is in the address', async () => {
    await unfold('#code');
    await page.selectOption('[name="pair"]', 'lambda eks-ec2');
    expect(await page.textContent('[data-slot="pair"] p')).toMatch(/only in . Lambda.*only in . EKS on EC2/);
    expect(page.url()).toMatch(/pair=lambda(\+|%20)eks-ec2/);
    await open();
  });

  test('a reason leads to what it rests on, folded up or not', async () => {
    await page.selectOption('[name="lasts"]', 'over 12 hours');
    await settled();
    const link = page.locator('#choose a[href="#limit-sqs.receive"]').first();
    const place = page.locator('[id="limit-sqs.receive"]');
    await unfold('details', false);
    expect(await place.isVisible()).toBe(false);
    await link.focus();
    await page.keyboard.press('Enter');
    await place.waitFor({ state: 'visible', timeout: 5000 });
    // The questions are still in the address.
    expect(page.url()).toMatch(/lasts=over.*at=limit-sqs.receive/);
    await open();
  });

  test('opens with what it opens with when its address ends in nonsense', async () => {
    const first = await shown('choose');
    for (const nonsense of ['#%', '#people=me&imagesPerMonth=-3', '#open=nothing&at=%25&pair=x']) {
      await open(nonsense);
      expect(await shown('choose')).toBe(first);
    }
    await open();
  });

  test('prints on at most 12 pages: what compares is unfolded, in dark ink, and no control', async () => {
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(31, 35, 38)');
    expect(await page.locator('form:visible').count()).toBe(0);
    expect(await page.locator('#own tbody').last().isVisible()).toBe(true);
    await page.emulateMedia({ media: null, colorScheme: null });
    const printed = (await page.pdf({ format: 'A4' })).toString('latin1');
    const pages = printed.match(/\/Type\s*\/Page[^s]/g)?.length ?? 0;
    expect(pages).toBeGreaterThan(1);
    expect(pages).toBeLessThanOrEqual(12);
  });

  test('every text of a diagram stays in its box', async () => {
    const wide = await page.evaluate(`[...document.querySelectorAll('.diagram g')].flatMap((group) => {
      const room = group.querySelector('rect').getBBox().width - 6;
      return [...group.querySelectorAll('text')].filter((text) => text.getBBox().width > room).map((text) => text.textContent);
    })`);
    expect(wide).toEqual([]);
  });

  test('a number out of range changes nothing, leaves the last result, and is told the range', async () => {
    await unfold('form details');
    const before = await shown('choose');
    await page.fill('[name="cpuSpeedHigh"]', '-1');
    expect(await page.textContent('#questions .status')).toMatch(/at most: 0\.1 to 10/);
    await page.fill('[name="accountConcurrency"]', '2.5');
    expect(await page.textContent('#questions .status')).toMatch(/the account: a whole number, 0 to 100,000/);
    await settled();
    expect(await shown('choose')).toBe(before);
    await page.reload();
    await settled();
  });

  test.each([320, 390, 768, 1440])(
    'at %d px no figure is cut, and the page does not scroll sideways',
    async (width) => {
      await unfold('details');
      await page.setViewportSize({ width, height: 844 });
      await settled();
      // Charts are drawn again when their place has its new width.
      await page.waitForFunction(
        `[...document.querySelectorAll('.plot > svg')].every((svg) => svg.getBoundingClientRect().width <= innerWidth)`,
      );
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      const cut = await page.evaluate(`(() => {
      const seen = [...document.querySelectorAll('td, th, dd, dt, li, output, summary, p')].filter((each) => each.offsetParent);
      const cells = seen.filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== 'inline' && !each.querySelector('.scroll, svg'));
      const texts = [...document.querySelectorAll('.plot > svg text')].filter((text) => {
        const [own, all] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
        return own.width > 0 && (own.left < all.left - 1 || own.right > all.right + 1);
      });
      return [...cells, ...texts].map((each) => each.textContent.slice(0, 60));
    })()`);
      expect(cut).toEqual([]);
      await unfold('details', false);
      await page.setViewportSize({ width: 1440, height: 900 });
    },
    60_000,
  );

  test('the first screen has questions, answer and grid on a desk, and questions and answer on a phone', async () => {
    const below = (selector: string) =>
      page.evaluate(`document.querySelector('${selector}').getBoundingClientRect().bottom`);
    await page.goto(address);
    await page.setViewportSize({ width: 1440, height: 900 });
    expect(await below('.grid')).toBeLessThanOrEqual(900);
    expect(await below('#questions')).toBeLessThanOrEqual(900);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(
      await page.evaluate("document.querySelector('.answer h2').getBoundingClientRect().bottom"),
    ).toBeLessThanOrEqual(844);
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  test.each(['light', 'dark'] as const)(
    'axe finds nothing in the %s theme',
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      // Everything open; of long tables the beginning, which is like the rest.
      await page.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = true; });
      document.querySelectorAll('tbody tr:nth-child(n+12)').forEach((each) => each.remove())`);
      // Through the debugger, which the page's policy does not bind.
      if (colorScheme === 'light') await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
      const violations = await page.evaluate(
        `axe.run(document).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')))`,
      );
      expect(violations).toEqual([]);
    },
    120_000,
  );

  test('nothing was complained of', () => {
    expect(complaints).toEqual([]);
  });
});
