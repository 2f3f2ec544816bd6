/// The page's script: reads the controls, asks the workers, puts their answers where they belong, and keeps the address.
import { draw } from '../charts';
import { spoken } from '../forms';
import { PAIRS, type Pair, pairHtml } from '../pair';
import { atYourVolume } from '../parts';
import { type Answer, PARTS, type Part, type Slots } from '../results';
import { CONTROLS, type Control, fromHash, fromSlider, inputOf, START, toHash, toSlider, type View } from '../state';

const element = <Kind extends HTMLElement>(selector: string): Kind => {
  const found = document.querySelector<Kind>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
};

const data = JSON.parse(element('#data').textContent ?? '');
const script = URL.createObjectURL(new Blob([element('#worker').textContent ?? ''], { type: 'text/javascript' }));
/** One for each part, when it is first asked: what takes long holds up nothing else. */
const workers = new Map<Part, Worker>();

function workerOf(part: Part): Worker {
  const there = workers.get(part);
  if (there) return there;
  const worker = new Worker(script);
  worker.addEventListener('message', answered);
  worker.postMessage({ data: data.model });
  workers.set(part, worker);
  return worker;
}

/** The page was built with the answers to what it opens with. */
let state = START;
let view: View = {};

/** Charts on the page, to be drawn again when the page changes its width. */
const charts = new Map<HTMLElement, Slots[string]['chart']>();
/** The latest question of each part that has no answer yet: answers to earlier ones are late, and dropped. */
const asked: Partial<Record<Part, number>> = {};
let questions = 0;
/** Timers of parts that are asked when the controls rest: each of them, in ms, after the last change. */
const REST_MS: Readonly<Record<Part, number>> = { choose: 0, cost: 60, scale: 200, map: 400 };
const pending = new Map<Part, number>();

/** In the line under a part. */
function say(part: Part, said: string): void {
  const status = document.querySelector(part === 'choose' ? '#questions .status' : `#${part} > .status`);
  if (status) status.textContent = said;
}

function ask(part: Part): void {
  clearTimeout(pending.get(part));
  const timer = setTimeout(() => {
    pending.delete(part);
    questions += 1;
    asked[part] = questions;
    if (part !== 'choose') say(part, 'Calculating \u2026');
    workerOf(part).postMessage({ part, state, question: questions });
    waiting();
  }, REST_MS[part]);
  pending.set(part, timer as unknown as number);
  waiting();
}

function answered({ data: answer }: MessageEvent<Answer>): void {
  if (asked[answer.part] !== answer.question) return;
  delete asked[answer.part];
  say(answer.part, answer.error ?? '');
  for (const [name, slot] of Object.entries(answer.slots)) put(name, slot);
  if (answer.part === 'map') here();
  waiting();
}

/** How many parts wait for an answer: for those who watch, such as tests. */
function waiting(): void {
  document.documentElement.dataset.pending = String(Object.keys(asked).length + pending.size);
}

function put(name: string, { html, chart }: Slots[string]): void {
  const place = document.querySelector<HTMLElement>(`[data-slot="${name}"]`);
  if (!place) return;
  if (html !== undefined) {
    // What somebody has unfolded stays so.
    const open = [...place.querySelectorAll('details')].map((each) => each.open);
    place.innerHTML = html;
    place.querySelectorAll('details').forEach((each, i) => {
      each.open = open[i] ?? false;
    });
  }
  if (chart) {
    charts.set(place, chart);
    redraw(place);
  }
}

function redraw(place: HTMLElement): void {
  const chart = charts.get(place);
  const width = Math.round(place.clientWidth);
  if (chart && width > 0) place.replaceChildren(draw(chart, document, width, { pointer: true }) as unknown as Node);
}

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const place = target as HTMLElement;
    const drawn = Number(place.querySelector('svg')?.getAttribute('width'));
    if (charts.has(place) && Math.abs(drawn - place.clientWidth) > 1) redraw(place);
  }
});
for (const place of document.querySelectorAll<HTMLElement>('.plot')) resized.observe(place);

/** Rings the cell of the map that is nearest to the reader's volume and burst. */
function here(): void {
  const cells = [...document.querySelectorAll<HTMLElement>('.map [data-at]')];
  const far = (cell: HTMLElement) => {
    const [volume = 1, burst = 1] = (cell.dataset.at ?? '').split(' ').map(Number);
    return Math.hypot(Math.log10(volume / state.imagesPerMonth), Math.log10(burst / state.imagesPerBurst));
  };
  const [nearest] = cells.toSorted((a, b) => far(a) - far(b));
  for (const cell of cells) cell.classList.toggle('here', cell === nearest);
  if (nearest) element('#here').textContent = atYourVolume(nearest.title.split(' or '));
}

/** What the questions, and the amounts of the map, change. */
function partsOf({ group, name }: Control): readonly Part[] {
  if (group === 'scale') return ['scale'];
  if (group === 'amount') return ['choose', 'cost'];
  return group === 'more' && name !== 'diskGb' ? PARTS : ['choose', 'cost'];
}

function changed(target: EventTarget | null): void {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return;
  const control = CONTROLS.find(({ name }) => name === target.name);
  if (!control) return;
  const value = read(control, target);
  target.ariaInvalid = value === undefined ? 'true' : null;
  const status = target.form?.querySelector('.status');
  if (status) status.textContent = value === undefined && control.kind === 'number' ? rangeOf(control) : '';
  if (value === undefined) return;
  state = { ...state, [control.name]: value };
  shown();
  for (const part of partsOf(control)) ask(part);
}

/** What follows from the inputs at once. */
function shown(): void {
  for (const field of document.querySelectorAll<HTMLElement>('[data-when]')) {
    field.hidden = field.dataset.when !== state.pattern;
  }
  here();
}

const rangeOf = ({ label, min, max, step }: Extract<Control, { kind: 'number' }>): string =>
  `${label}: ${step < 1 ? '' : 'a whole number, '}${min} to ${max.toLocaleString('en')}`;

function read(control: Control, target: HTMLInputElement | HTMLSelectElement): unknown {
  if (control.kind === 'checkbox') return (target as HTMLInputElement).checked;
  // Half-typed or out of range: the last good one stays.
  if (control.kind !== 'slider') return inputOf(control, target.value);
  const value = fromSlider(control.scale, Number(target.value));
  said(control, target, value);
  return value;
}

function said(control: Extract<Control, { kind: 'slider' }>, target: HTMLElement, value: number): void {
  const words = spoken(control, value);
  target.setAttribute('aria-valuetext', words);
  const output = document.querySelector(`output[for="${target.id}"]`);
  if (output) output.textContent = words;
}

/** Puts the inputs into the controls. */
function write(): void {
  for (const control of CONTROLS) {
    const target = element<HTMLInputElement>(`#in-${control.name}`);
    const value = state[control.name];
    if (control.kind === 'checkbox') target.checked = value === true;
    else target.value = String(control.kind === 'slider' ? toSlider(control.scale, Number(value)) : value);
    if (control.kind === 'slider') said(control, target, Number(value));
    target.ariaInvalid = null;
  }
}

/** The address, as it would be now: a step of its own in the history where somebody has decided something. */
function remember(step: 'new step' | 'same step', changes: View = {}): void {
  view = { ...view, ...changes };
  const hash = `#${toHash(state, view)}`;
  if (hash === (location.hash || '#')) return;
  if (step === 'new step') history.pushState(null, '', hash);
  else history.replaceState(null, '', hash);
}

const parts = [...document.querySelectorAll<HTMLDetailsElement>('details.part')];
const pairs = element<HTMLSelectElement>('#in-pair');

function showPair(): void {
  const pair = PAIRS.find((each) => each.join(' ') === pairs.value) ?? (PAIRS[0] as Pair);
  put('pair', { html: pairHtml(data.stacks, pair) });
}

/** A place on the page: what is folded around it unfolds. */
function goTo(id: string): void {
  const target = document.getElementById(id);
  for (let fold = target?.closest('details'); fold; fold = fold.parentElement?.closest('details')) fold.open = true;
  // As a link does by itself: who goes on with the keyboard goes on from there.
  if (target && target.tabIndex < 0) target.tabIndex = -1;
  target?.focus({ preventScroll: true });
  target?.scrollIntoView();
}

/** Shows what the address says, and asks for what was computed for other inputs. */
function arrive(): void {
  const before = state;
  ({ state, view } = fromHash(location.hash));
  write();
  shown();
  const open = (view.open ?? '').split(' ');
  for (const each of parts) each.open = open.includes(each.id);
  const named = PAIRS.find((pair) => pair.join(' ') === view.pair) ?? (PAIRS[0] as Pair);
  pairs.value = named.join(' ');
  showPair();
  if (view.at) goTo(view.at);
  const others = CONTROLS.filter(({ name }) => state[name] !== before[name]);
  for (const part of new Set(others.flatMap(partsOf))) ask(part);
}

for (const form of document.querySelectorAll('form')) {
  form.hidden = false;
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', (event) => changed(event.target));
  form.addEventListener('change', () => remember('new step', { at: '' }));
}
pairs.addEventListener('change', () => {
  showPair();
  remember('new step', { pair: pairs.value });
});
for (const each of parts) {
  each.addEventListener('toggle', () => {
    remember('same step', {
      open: parts
        .filter(({ open }) => open)
        .map(({ id }) => id)
        .join(' '),
    });
    // Drawn when the page was built: for its own width now, and with the pointer.
    if (each.id === 'scale' && each.open && charts.size === 0) ask('scale');
  });
}
document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[href^="#"]') : null;
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const at = decodeURIComponent(link.hash.slice(1));
  remember('new step', { at });
  goTo(at);
});
window.addEventListener('popstate', arrive);

// So that the first change finds it started.
workerOf('choose');
waiting();
arrive();
