import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { page as html } from '../../../tools/compare/page/page';
import { CONTROLS } from '../../../tools/compare/page/state';
import { comparison } from './sources';

/** The page in a browser, opened from disk: one browser, one page. */

const CHROMIUM = '/usr/bin/chromium';
const found = existsSync(CHROMIUM);

// One line of its own where there is no browser.
(found ? describe : describe.skip)(`the page in ${CHROMIUM}${found ? '' : ', which is not installed'}`, () => {
  let folder: string;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];
  const requests: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'four-ways-page-'));
    const file = path.join(folder, 'index.html');
    writeFileSync(file, await html(await comparison()));
    // Chromium refuses to isolate itself when it is run by root, as in containers.
    const root = process.getuid?.() === 0;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: root ? ['--no-sandbox'] : [] });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url().replace(/^blob:.*/, 'blob:')));
    page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`));
    await page.goto(pathToFileURL(file).href);
    await settled();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Until the worker has answered everything it was asked. */
  const settled = () => page.locator('html[data-pending="0"]').waitFor({ state: 'attached', timeout: 60_000 });

  /** What a part shows. Charts as they are drawn. */
  const shown = (part: string): Promise<string> =>
    page.evaluate(
      `[...document.querySelectorAll('#${part} [data-slot]')].map((slot) => slot.innerHTML).join('')`,
    ) as Promise<string>;

  const charts = (part: string): Promise<string> =>
    page.evaluate(
      `[...document.querySelectorAll('#${part} .plot svg')].map((svg) => svg.outerHTML).join('')`,
    ) as Promise<string>;

  test('asks for nothing but itself and its worker', () => {
    expect(requests.map((url) => new URL(url).protocol)).toEqual(['file:', 'blob:']);
  });

  test.each(CONTROLS.filter(({ part }) => part !== 'choose').map(({ name }) => name))(
    'the control %s moves its chart',
    async (name) => {
      const control = CONTROLS.find((each) => each.name === name);
      if (!control) throw new Error(name);
      // In the pattern of arrivals in which it means something; a burst needs more of everything.
      if (control.part === 'scale' && name !== 'pattern') {
        await page.check(`input[name="pattern"][value="${control.when ?? 'burst'}"]`);
        await settled();
      }
      const before = await charts(control.part);
      const selector = `[name="${name}"]`;
      await page.evaluate(`document.querySelectorAll('form details').forEach((each) => { each.open = true; })`);
      const least = control.kind === 'slider' && Number(await page.inputValue(selector)) === control.min;
      if (control.kind === 'slider') {
        await page.focus(selector);
        await page.keyboard.press(least ? 'PageUp' : 'PageDown');
      }
      if (control.kind === 'number') await page.fill(selector, String(name === 'accountConcurrency' ? 10 : 3));
      if (control.kind === 'checkbox') await page.click(selector);
      if (control.kind === 'select') await page.selectOption(selector, { index: 1 });
      if (control.kind === 'radio') await page.click(`${selector}:not(:checked)`);
      await settled();
      expect(await charts(control.part)).not.toBe(before);
      // Back, so that the next control has something to move.
      if (control.kind === 'slider') await page.keyboard.press(least ? 'PageDown' : 'PageUp');
      await settled();
    },
  );

  test('every question leads somewhere else with some answer', async () => {
    for (const { name, kind, ...control } of CONTROLS.filter(({ part }) => part === 'choose')) {
      if (kind !== 'radio' || !('options' in control)) throw new Error(name);
      const answers = new Set<string>();
      for (const [value] of control.options) {
        await page.check(`[name="${name}"][value="${value}"]`);
        await settled();
        answers.add(await shown('choose'));
      }
      expect([name, answers.size > 1]).toEqual([name, true]);
      await page.check(`[name="${name}"][value="${control.options[0]?.[0]}"]`);
    }
  });

  test('a reason leads to what it rests on, folded up or not', async () => {
    const [first] = CONTROLS.filter(({ part }) => part === 'choose');
    await page.check(`[name="${first?.name}"][value="over 15 minutes"]`);
    await settled();
    const link = page.locator('#choose .answer a[href="#fact-ecs-fargate.longestJobSeconds"]');
    const place = page.locator('[id="fact-ecs-fargate.longestJobSeconds"]');
    await page.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = false; })`);
    expect(await place.isVisible()).toBe(false);
    await link.focus();
    await page.keyboard.press('Enter');
    await place.waitFor({ state: 'visible', timeout: 5000 });
    await page.evaluate(`document.querySelectorAll('form details').forEach((each) => { each.open = true; })`);
  });

  test('shows what its controls say when it is come back to, and when its address ends in nonsense', async () => {
    const address = page.url().replace(/#.*/, '');
    await page.check('input[name="pattern"][value="daily"]');
    await page.goto('about:blank');
    await page.goBack();
    await settled();
    const daily = await page.isChecked('input[name="pattern"][value="daily"]');
    expect(await page.isVisible('[name="peakToMean"]')).toBe(daily);
    expect(await page.isVisible('[name="overSeconds"]')).toBe(!daily);
    await page.goto('about:blank');
    await page.goto(`${address}#%`);
    await settled();
    await page.goto('about:blank');
    await page.goto(address);
    await settled();
    await page.evaluate(`document.querySelectorAll('form details').forEach((each) => { each.open = true; })`);
  });

  test('prints what is folded up, in dark ink, and no control', async () => {
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(31, 35, 38)');
    expect(await page.locator('form:visible, nav:visible').count()).toBe(0);
    expect(await page.locator('#sources tbody').last().isVisible()).toBe(true);
    await page.emulateMedia({ media: null, colorScheme: null });
  });

  test('every text of a diagram stays in its box', async () => {
    const wide = await page.evaluate(`[...document.querySelectorAll('.diagram g')].flatMap((group) => {
      const room = group.querySelector('rect').getBBox().width - 6;
      return [...group.querySelectorAll('text')].filter((text) => text.getBBox().width > room).map((text) => text.textContent);
    })`);
    expect(wide).toEqual([]);
  });

  test('a number out of range changes nothing, leaves the last result, and is told the range', async () => {
    const before = await shown('cost');
    await page.fill('[name="slowdownHigh"]', '-1');
    expect(await page.textContent('[data-status="cost"]')).toMatch(/at most: 0\.1 to 10/);
    await page.fill('[name="customMetrics"]', '2.5');
    expect(await page.textContent('[data-status="cost"]')).toMatch(/metrics of one way: a whole number, 0 to 1,000/);
    await page.fill('[name="customMetrics"]', '');
    await settled();
    expect(await shown('cost')).toBe(before);
  });

  test('two to four columns can be chosen, and what these say alike is quiet', async () => {
    const quiet = () => page.locator('#code-network tbody tr.same:visible').count();
    const before = await quiet();
    await page.uncheck('[name="column"][value="lambda"]');
    expect(await page.locator('#code-network th:visible').count()).toBe(3);
    await page.uncheck('[name="column"][value="eks-ec2"]');
    // Of EC2 and ECS the network is the same to the letter.
    expect(await quiet()).toBeGreaterThan(before);
    expect(await page.locator('[name="column"]:disabled').count()).toBe(2);
    // Of two columns a line is in both, or in one.
    expect(await page.locator('#code-network tr:not(.same) td.shared:visible').count()).toBe(0);
    await page.check('[name="column"][value="lambda"]');
    await page.check('[name="column"][value="eks-ec2"]');
  });

  test('a phone scrolls down and not sideways, with everything open', async () => {
    await page.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = true; })`);
    await page.setViewportSize({ width: 375, height: 812 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375);
    await page.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = false; })`);
    await page.setViewportSize({ width: 1280, height: 800 });
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
