/** Escapes carriage returns in literals and names, because editors and Git may change line endings. Pure. */

const QUOTED_TEXT = [
  /\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*|)\$(?<body>[\s\S]*?)\$\k<tag>\$/,
  /(?<![\w$])[eE]'(?<escaped>(?:[^'\\]|''|\\[\s\S])*)'/,
  /'(?<text>(?:[^']|'')*)'/,
  /"(?<name>(?:[^"]|"")*)"/,
];
const ANY_QUOTED_TEXT = new RegExp(QUOTED_TEXT.map(({ source }) => source).join('|'), 'g');

export const escapeCarriageReturns = (sql: string): string =>
  sql.includes('\r')
    ? sql
        .replace(ANY_QUOTED_TEXT, (whole: string, ...rest: unknown[]) =>
          whole.includes('\r')
            ? escapeQuoted(rest.at(-1) as Readonly<Record<string, string | undefined>>)
            : whole,
        )
        .replaceAll('\r\n', '\n')
        .replaceAll('\r', ' ')
    : sql;

function escapeQuoted({ body, escaped, text, name }: Readonly<Record<string, string | undefined>>): string {
  if (name !== undefined) return `U&"${name.replaceAll('\\', '\\\\').replaceAll('\r', '\\000D')}"`;
  const inner = escaped ?? (body === undefined ? text! : body.replaceAll("'", "''")).replaceAll('\\', '\\\\');
  return `E'${inner.replaceAll('\r', '\\r')}'`;
}
