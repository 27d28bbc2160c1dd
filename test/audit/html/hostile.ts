/** Names that a server takes and a page must not, and a database made of them. */

/** Not longer than 63 bytes each. */
export const HOSTILE: readonly string[] = [
  '<script>document.title="pwned"</script>',
  '<img src=http://192.0.2.1/x onerror=alert(1)>',
  '"><b onmouseover=alert(1)>',
  "'; alert(1); //",
  '</style></title></svg></script><marquee>',
  '&lt;b&gt; &amp; &#60;',
  'two\nlines\r\nand\ttabs',
  'txt.\u202egnp\u202c',
  'zero\u200bwidth\ufeff',
  'javascript:alert(1)',
  '__proto__',
  `\${alert(1)}`,
  'é'.repeat(31),
  '\u{1f418}'.repeat(15),
  'עברית',
];

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const table = (name: string, rest: string): string =>
  `CREATE TABLE ${quoted(name)} (id bigint PRIMARY KEY, ${quoted(name)} bigint${rest});`;

/** A table of each name, with a column of it. */
export const bare = (): string => HOSTILE.map((name) => table(name, '')).join('\n');

/** And an index, a default, a key to the next one, and a function. */
export const whole = (): string =>
  [
    ...HOSTILE.map((name) => table(name, ' DEFAULT 1')),
    ...HOSTILE.map((name, i) => {
      const next = HOSTILE[(i + 1) % HOSTILE.length]!;
      const own = quoted(name);
      return `
        CREATE UNIQUE INDEX ${quoted(`i${name}`.slice(0, 20))} ON ${own} (${own});
        ALTER TABLE ${own} ADD CONSTRAINT ${own} FOREIGN KEY (${own}) REFERENCES ${quoted(next)};
        CREATE FUNCTION ${own}() RETURNS text LANGUAGE sql AS $body$ SELECT ${own}::text FROM ${own} $body$;`;
    }),
  ].join('\n');
