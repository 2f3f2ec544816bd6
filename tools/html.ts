/** Text for an element or a quoted attribute. */
export const text = (raw: string | number): string =>
  String(raw).replace(/[&<>"']/g, (special) => `&#${special.charCodeAt(0)};`);
