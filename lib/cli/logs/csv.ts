/** Comma-separated values with quotes, as PostgreSQL's csvlog and Logs Insights write them: a field may hold lines. */
export async function* recordsOf(lines: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let record = '';
  let open = false;
  for await (const line of lines) {
    record = open ? `${record}\n${line}` : line;
    // Quotes inside a field are doubled, so an odd number of them leaves a field open.
    open = (record.split('"').length - 1) % 2 === 1;
    if (!open && record !== '') yield fieldsOf(record);
  }
  if (open) yield fieldsOf(record);
}

const fieldsOf = (record: string): readonly string[] =>
  [...record.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"?|([^,]*))/g)].map(([, quoted, bare]) =>
    quoted === undefined ? bare! : quoted.replaceAll('""', '"'),
  );
