/** A file's lines end as its reader likes: a carriage return within a text or a name is spelled. Pure. */

const QUOTED = [
  /\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*|)\$(?<body>[\s\S]*?)\$\k<tag>\$/,
  /(?<![\w$])[eE]'(?<escaped>(?:[^'\\]|''|\\[\s\S])*)'/,
  /'(?<text>(?:[^']|'')*)'/,
  /"(?<name>(?:[^"]|"")*)"/,
];
const ANY_QUOTED = new RegExp(QUOTED.map(({ source }) => source).join('|'), 'g');

export const withoutReturns = (sql: string): string =>
  sql.includes('\r')
    ? sql
        .replace(ANY_QUOTED, (whole: string, ...rest: unknown[]) =>
          whole.includes('\r') ? spelled(rest.at(-1) as Readonly<Record<string, string | undefined>>) : whole,
        )
        .replaceAll('\r\n', '\n')
        .replaceAll('\r', ' ')
    : sql;

function spelled({ body, escaped, text, name }: Readonly<Record<string, string | undefined>>): string {
  if (name !== undefined) return `U&"${name.replaceAll('\\', '\\\\').replaceAll('\r', '\\000D')}"`;
  const inner = escaped ?? (body === undefined ? text! : body.replaceAll("'", "''")).replaceAll('\\', '\\\\');
  return `E'${inner.replaceAll('\r', '\\r')}'`;
}
