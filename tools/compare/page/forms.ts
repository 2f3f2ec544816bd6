import { text } from '../../html';
import { format } from './format';
import { CONTROLS, type Control, GROUPS, type State, toSlider } from './state';

/** Controls of some groups, the last of them folded up. Hidden until the page's script runs: without it they would move nothing. */
export function form(
  id: string,
  label: string,
  groups: readonly Control['group'][],
  state: State,
  folded?: Control['group'],
): string {
  const fields = (group: Control['group']) =>
    `<div class="fields">${CONTROLS.filter((control) => control.group === group)
      .map((control) => field(control, state))
      .join('\n')}</div>`;
  const shown = groups.map((group) => `<fieldset><legend>${text(GROUPS[group])}</legend>${fields(group)}</fieldset>`);
  return `<form id="${id}" aria-label="${text(label)}" autocomplete="off" hidden>
${shown.join('\n')}
${folded ? `<details><summary>${text(GROUPS[folded])}</summary>${fields(folded)}</details>` : ''}
<p class="status" role="status"></p>
</form>`;
}

function field(control: Control, state: State): string {
  const { name, label } = control;
  const value = state[name];
  const id = `in-${name}`;
  switch (control.kind) {
    case 'slider': {
      const { min, max, step, scale } = control;
      const said = spoken(control, Number(value));
      return `<div${control.when ? ` data-when="${control.when}"${control.when === state.pattern ? '' : ' hidden'}` : ''}><label for="${id}">${text(label)} <output for="${id}">${text(said)}</output></label><input type="range" id="${id}" name="${name}" min="${min}" max="${max}" step="${step}" value="${toSlider(scale, Number(value))}" aria-valuetext="${text(said)}"></div>`;
    }
    case 'number':
      return `<div><label for="${id}">${text(label)} (${text(control.unit)})</label><input type="number" id="${id}" name="${name}" min="${control.min}" max="${control.max}" step="any" value="${Number(value)}"></div>`;
    case 'checkbox':
      return `<div><label for="${id}"><input type="checkbox" id="${id}" name="${name}"${value ? ' checked' : ''}>${text(label)}</label></div>`;
    case 'select':
      return `<div><label for="${id}">${text(label)}</label><select id="${id}" name="${name}">${control.options
        .map(
          ([each, said]) => `<option value="${text(each)}"${each === value ? ' selected' : ''}>${text(said)}</option>`,
        )
        .join('')}</select></div>`;
  }
}

/** A slider's value as it is read. */
export const spoken = (control: Extract<Control, { kind: 'slider' }>, value: number): string =>
  `${format[control.format](value)}${control.unit === '' || control.unit === 'images' ? '' : ` ${control.unit}`}`;
