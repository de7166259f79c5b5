/**
 * One line of CSV into its fields (RFC 4180, but for line breaks inside quotes), and hostile text made fit to be shown.
 */

/** Splits a line at its commas; a field may be quoted, with `""` for a quote. Undefined when the quoting is broken. */
export function splitCsvLine(line: string): string[] | undefined {
  if (!line.includes('"')) return line.split(',');
  const fields: string[] = [];
  let position = 0;
  for (;;) {
    if (line[position] === '"') {
      let field = '';
      for (;;) {
        const quote = line.indexOf('"', position + 1);
        if (quote < 0) return undefined;
        field += line.slice(position + 1, quote);
        position = quote + 1;
        if (line[position] !== '"') break;
        field += '"';
      }
      fields.push(field);
    } else {
      const comma = line.indexOf(',', position);
      const end = comma < 0 ? line.length : comma;
      const field = line.slice(position, end);
      if (field.includes('"')) return undefined;
      fields.push(field);
      position = end;
    }
    if (position === line.length) return fields;
    if (line[position] !== ',') return undefined;
    position++;
  }
}

const shownLengthMax = 48;

/** A text from outside, quoted for a message: shortened, and without anything that a terminal would obey. */
export function showText(text: string): string {
  const short = text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}…` : text;
  // JSON escapes the controls below space; DEL, the C1 controls and the bidirectional overrides are left to us.
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
