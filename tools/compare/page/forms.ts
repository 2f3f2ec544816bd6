import { text } from '../../html';
import { format } from './format';
import { CONTROLS, type Control, type State, toSlider } from './state';

/** A part's controls. Hidden until the page's script runs: without it they would move nothing. */
export function form(part: Control['part'], label: string, state: State): string {
  const own = CONTROLS.filter((control) => control.part === part);
  const rare = own.filter((control) => control.rare);
  const fields = (controls: readonly Control[]) =>
    `<div class="fields">\n${controls.map((control) => field(control, state)).join('\n')}\n</div>`;
  return `<form data-part="${part}" aria-label="${text(label)}" autocomplete="off" hidden>
${fields(own.filter((control) => !control.rare))}
${rare.length > 0 ? `<details><summary>Every other input</summary>\n${fields(rare)}\n</details>` : ''}
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
      return `<fieldset><label for="${id}"><input type="checkbox" id="${id}" name="${name}"${value ? ' checked' : ''}>${text(label)}</label></fieldset>`;
    case 'select':
      return `<div><label for="${id}">${text(label)}</label><select id="${id}" name="${name}">${control.options
        .map(
          ([each, said]) => `<option value="${text(each)}"${each === value ? ' selected' : ''}>${text(said)}</option>`,
        )
        .join('')}</select></div>`;
    case 'radio':
      return `<fieldset><legend>${text(label)}</legend>${control.options
        .map(
          ([each, said]) =>
            `<label><input type="radio" name="${name}" value="${text(each)}"${each === value ? ' checked' : ''}>${text(said)}</label>`,
        )
        .join('')}</fieldset>`;
  }
}

/** A slider's value as it is read. */
export const spoken = (control: Extract<Control, { kind: 'slider' }>, value: number): string =>
  `${format[control.format](value)}${control.unit === '' || control.unit === 'images' ? '' : ` ${control.unit}`}`;
