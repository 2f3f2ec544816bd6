import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { page as html } from '../../../tools/compare/page/page';
import { CONTROLS, START } from '../../../tools/compare/page/state';
import { COMPUTES } from '../../../workload/contract';
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

  const unfold = (selector: string, open = true) =>
    page.evaluate(`document.querySelectorAll('${selector}').forEach((each) => { each.open = ${open}; })`);

  /** What a part shows. Charts as they are drawn. */
  const shown = (part: string): Promise<string> =>
    page.evaluate(
      `[...document.querySelectorAll('#${part} [data-slot]')].map((slot) => slot.innerHTML).join('')`,
    ) as Promise<string>;

  test('asks for nothing but itself and its worker', () => {
    expect(requests.map((url) => new URL(url).protocol)).toEqual(['file:', 'blob:']);
  });

  test.each(CONTROLS.filter(({ part }) => part !== 'choose').map(({ name }) => name))(
    'the control %s moves what its part shows',
    async (name) => {
      const control = CONTROLS.find((each) => each.name === name);
      if (!control) throw new Error(name);
      // In the pattern of arrivals in which it means something; a burst needs more of everything.
      if (control.part === 'scale' && name !== 'pattern') {
        await page.check(`input[name="pattern"][value="${control.when ?? 'burst'}"]`);
        await settled();
      }
      const before = await shown(control.part);
      const selector = `[name="${name}"]`;
      await unfold('form details');
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
      expect(await shown(control.part)).not.toBe(before);
      // Back, so that the next control has something to move.
      const start = String(START[control.name]);
      if (control.kind === 'slider') await page.keyboard.press(least ? 'PageDown' : 'PageUp');
      if (control.kind === 'number') await page.fill(selector, start);
      if (control.kind === 'checkbox') await page.click(selector);
      if (control.kind === 'select') await page.selectOption(selector, start);
      if (control.kind === 'radio') await page.check(`${selector}[value="${start}"]`);
      await settled();
    },
  );

  test.each(CONTROLS.filter(({ part }) => part === 'choose'))(
    'the question $name leads somewhere else with some answer',
    async ({ name, ...control }) => {
      const answers = new Set([await shown('choose')]);
      const answer = async (change: Promise<unknown>) => {
        await change;
        await settled();
        answers.add(await shown('choose'));
      };
      const selector = `[name="${name}"]`;
      if (control.kind === 'number') {
        await answer(page.fill(selector, '100'));
        await page.fill(selector, String(START[name]));
      } else if (control.kind === 'radio') {
        for (const [value] of control.options) await answer(page.check(`${selector}[value="${value}"]`));
        await page.check(`${selector}[value="${START[name]}"]`);
      } else {
        await answer(page.click(selector));
        await page.click(selector);
      }
      await settled();
      expect(answers.size).toBeGreaterThan(1);
    },
  );

  test('a reason leads to what it rests on, folded up or not', async () => {
    await page.check('[name="lasts"][value="over 12 hours"]');
    await settled();
    const link = page.locator('#choose .answer a[href="#limit-sqs.receive"]').first();
    const place = page.locator('[id="limit-sqs.receive"]');
    await unfold('details', false);
    expect(await place.isVisible()).toBe(false);
    await link.focus();
    await page.keyboard.press('Enter');
    await place.waitFor({ state: 'visible', timeout: 5000 });
    await unfold('form details');
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
    await unfold('form details');
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
    await page.fill('[name="cpuSpeedHigh"]', '-1');
    expect(await page.textContent('[data-status="cost"]')).toMatch(/at most: 0\.1 to 10/);
    await page.fill('[name="accountConcurrency"]', '2.5');
    expect(await page.textContent('[data-status="scale"]')).toMatch(/the account: a whole number, 0 to 100,000/);
    await settled();
    expect(await shown('cost')).toBe(before);
  });

  test('two to six columns can be chosen, and what these say alike is quiet', async () => {
    const quiet = () => page.locator('#code-network tbody tr.same:visible').count();
    const columns = () => page.locator('#code-network th:visible').count();
    const chosen = page.locator('[name="column"]:checked');
    expect(await columns()).toBe(await chosen.count());
    for (const way of COMPUTES) await page.check(`[name="column"][value="${way}"]`);
    expect(await columns()).toBe(6);
    const before = await quiet();
    for (const way of ['lambda', 'eks-ec2', 'ecs-ec2', 'eks-fargate']) {
      await page.uncheck(`[name="column"][value="${way}"]`);
    }
    // Of EC2 and ECS the network is the same to the letter.
    expect(await columns()).toBe(2);
    expect(await quiet()).toBeGreaterThan(before);
    expect(await page.locator('[name="column"]:disabled').count()).toBe(2);
    // Of two columns a line is in both, or in one.
    expect(await page.locator('#code-network tr:not(.same) td.shared:visible').count()).toBe(0);
    for (const way of COMPUTES) await page.check(`[name="column"][value="${way}"]`);
    expect(await quiet()).toBe(before);
  });

  test('a phone scrolls down and not sideways, with everything open', async () => {
    await unfold('details');
    await page.setViewportSize({ width: 375, height: 812 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375);
    await unfold('details', false);
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
