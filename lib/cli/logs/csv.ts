/**
 * Parses comma-separated values with quotes, as PostgreSQL's csvlog and Logs Insights write them. A field may contain
 * line breaks.
 */
export async function* parseCsvRecords(lines: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let record = '';
  let open = false;
  for await (const line of lines) {
    record = open ? `${record}\n${line}` : line;
    // Quotes inside a field are doubled, so an odd number of them leaves a field open.
    open = (record.split('"').length - 1) % 2 === 1;
    if (!open && record !== '') yield splitCsvFields(record);
  }
  if (open) yield splitCsvFields(record);
}

const splitCsvFields = (record: string): readonly string[] =>
  [...record.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"?|([^,]*))/g)].map(([, quoted, bare]) =>
    quoted === undefined ? bare! : quoted.replaceAll('""', '"'),
  );
