/// The page's script: reads the controls, asks the worker, and puts its answers where they belong.
import { draw } from '../charts';
import { looks, packed } from '../columns';
import { spoken } from '../forms';
import type { Answer, Slots } from '../results';
import { CONTROLS, type Control, fromSlider, type State } from '../state';

const element = <Kind extends HTMLElement>(selector: string): Kind => {
  const found = document.querySelector<Kind>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
};

const worker = new Worker(
  URL.createObjectURL(new Blob([element('#worker').textContent ?? ''], { type: 'text/javascript' })),
);
const data = JSON.parse(element('#data').textContent ?? '');
let state: State = data.state;
worker.postMessage({ data: data.model });

/** Charts on the page, to be drawn again when the page changes its width. */
const charts = new Map<HTMLElement, Slots[string]['chart']>();
/** The latest question of each part that has no answer yet: answers to earlier ones are late, and dropped. */
const asked: Record<string, number> = {};
let questions = 0;
/** Timers of parts whose controls are moving: a slider that is dragged asks once, when it rests. */
const pending = new Map<string, number>();

/** In the line under a part's controls. */
function say(part: Control['part'], said: string): void {
  const status = document.querySelector(`[data-status="${part}"]`);
  if (status) status.textContent = said;
}

function ask(part: Control['part']): void {
  questions += 1;
  asked[part] = questions;
  pendingParts();
  say(part, 'Calculating \u2026');
  worker.postMessage({ part, state, question: questions });
}

worker.addEventListener('message', ({ data: answer }: MessageEvent<Answer>) => {
  if (asked[answer.part] !== answer.question) return;
  delete asked[answer.part];
  say(answer.part, answer.error ?? '');
  for (const [name, slot] of Object.entries(answer.slots)) put(name, slot);
  pendingParts();
});

/** How many parts wait for an answer: for those who watch, such as tests. */
function pendingParts(): void {
  document.documentElement.dataset.pending = String(Object.keys(asked).length + pending.size);
}

function put(name: string, { html, chart }: Slots[string]): void {
  const place = document.querySelector<HTMLElement>(`[data-slot="${name}"]`);
  if (!place) return;
  if (html !== undefined) place.innerHTML = html;
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

function changed(target: EventTarget | null): void {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return;
  const control = CONTROLS.find(({ name }) => name === target.name);
  if (!control) return;
  const value = read(control, target);
  target.ariaInvalid = value === undefined ? 'true' : null;
  if (value === undefined) {
    say(control.part, control.kind === 'number' ? rangeOf(control) : '');
    return;
  }
  state = { ...state, [control.name]: value };
  for (const field of document.querySelectorAll<HTMLElement>('[data-when]')) {
    field.hidden = field.dataset.when !== state.pattern;
  }
  // The size of an image and the speed of the machines there are the model's too.
  const forAll = control.part === 'cost' || control.name === 'accountConcurrency';
  const parts = forAll ? (['choose', 'cost', 'scale'] as const) : [control.part];
  for (const part of parts) {
    clearTimeout(pending.get(part));
    const timer = setTimeout(
      () => {
        pending.delete(part);
        ask(part);
      },
      part === 'scale' ? 150 : 30,
    );
    pending.set(part, timer as unknown as number);
  }
  pendingParts();
}

const rangeOf = ({ label, min, max, step }: Extract<Control, { kind: 'number' }>): string =>
  `${label}: ${step < 1 ? '' : 'a whole number, '}${min} to ${max.toLocaleString('en')}`;

function read(control: Control, target: HTMLInputElement | HTMLSelectElement): unknown {
  if (control.kind === 'checkbox') return (target as HTMLInputElement).checked;
  if (control.kind === 'number') {
    // Half-typed or out of range: the last good one stays.
    const number = target.value === '' ? Number.NaN : Number(target.value);
    const whole = control.step < 1 || Number.isInteger(number);
    return whole && number >= control.min && number <= control.max ? number : undefined;
  }
  if (control.kind !== 'slider') return target.value;
  const value = fromSlider(control.scale, Number(target.value));
  const said = spoken(control, value);
  target.setAttribute('aria-valuetext', said);
  const output = document.querySelector(`output[for="${target.id}"]`);
  if (output) output.textContent = said;
  return value;
}

for (const form of document.querySelectorAll<HTMLFormElement>('form[data-part], form.choose')) {
  form.hidden = false;
  // A reload may leave controls where they were: the page starts with what it shows.
  form.reset();
  form.addEventListener('submit', (event) => event.preventDefault());
  if (form.dataset.part) form.addEventListener('input', (event) => changed(event.target));
}

/** Columns of the side by side: two to all. */
const columns = element<HTMLFormElement>('form.choose');
const boxes = [...columns.querySelectorAll<HTMLInputElement>('input')];
/** All rows of each table, with all columns: from the template behind it. */
const tables = [...document.querySelectorAll<HTMLTableElement>('table.columns')].map((table) => {
  const rows = (table.nextElementSibling as HTMLTemplateElement).content.querySelectorAll('tr');
  return { table, rows: [...rows].map(({ cells }) => [...cells].map((cell) => (cell.firstChild ? cell : undefined))) };
});

function chooseColumns(): void {
  const shown = boxes.map((box) => box.checked);
  const count = shown.filter(Boolean).length;
  // Two at least: there is nothing to compare with one.
  for (const box of boxes) box.disabled = box.checked && count <= 2;
  for (const { table, rows } of tables) {
    table.style.setProperty('--shown', String(count));
    [...table.querySelectorAll<HTMLElement>('th')].forEach((head, i) => {
      head.hidden = !shown[i];
    });
    table.tBodies[0]?.replaceChildren(...packed(rows, shown).map(row));
  }
}

function row(cells: readonly (HTMLElement | undefined)[]): HTMLElement {
  const made = document.createElement('tr');
  const { same, shared } = looks(cells.map((cell) => cell?.textContent?.trim()));
  made.classList.toggle('same', same);
  cells.forEach((cell, i) => {
    cell?.classList.toggle('shared', shared[i] === true);
    made.append(cell ?? document.createElement('td'));
  });
  return made;
}
columns.addEventListener('change', chooseColumns);

/** A link into what is folded up unfolds it: not every browser does. */
function unfold(): void {
  const target = document.getElementById(location.hash.slice(1));
  for (let fold = target?.closest('details'); fold; fold = fold.parentElement?.closest('details')) fold.open = true;
  if (target?.closest('details')) target.scrollIntoView();
}
window.addEventListener('hashchange', unfold);
unfold();

for (const part of ['cost', 'scale', 'choose'] as const) ask(part);
