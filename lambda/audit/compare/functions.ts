import type { Routine } from '../catalog/functions';
import { formatPath, joinKey } from '../names';
import type { NotCheckedItem } from '../not-checked';
import type { Comparison, Difference, LostObject } from './difference';
import type { CatalogPair } from './pair';
import { isSameList } from './text';
import { OTHER_MAJOR_REASON } from './views';

export function compareFunctions(pair: CatalogPair): Comparison {
  const getKey = ({ schema, name, signature }: Routine): string => joinKey(schema, name, signature);
  const here = new Map(pair.target.functions.map((each) => [getKey(each), each]));
  const differences: Difference[] = [];
  const notChecked: NotCheckedItem[] = [];
  for (const routine of pair.source.functions) {
    const { schema, name, signature, kind, definition } = routine;
    if (!pair.hasSchema(schema)) continue;
    const found = here.get(getKey(routine));
    const object = `${formatPath(schema, name)}(${signature})`;
    const common = {
      id: 'missing-function' as const,
      object,
      source: extractFunctionHead(definition),
      lost: [{ kind: 'functions', from: routine, ...(found ? { to: found } : {}) }] satisfies LostObject[],
      names: [name],
    };
    const what = kind === 'procedure' ? 'Procedure' : kind === 'aggregate' ? 'Aggregate' : 'Function';
    if (found === undefined) {
      differences.push({ ...common, message: `${what} ${object} is missing.`, target: null });
      continue;
    }
    const changes =
      pair.sameMajor && definition !== found.definition
        ? listChanges(routine, found, 'definition')
        : listChanges(routine, found);
    if (changes.length > 0 && isDeparsedBody(routine) && !pair.sameMajor && isSameList(changes, ['body']))
      notChecked.push({ what: 'body of a function', of: { schema, name }, why: OTHER_MAJOR_REASON });
    else if (changes.length > 0)
      differences.push({
        ...common,
        message: `${what} ${object} differs from the source: its ${changes.join(', ')}.`,
        target: extractFunctionHead(found.definition),
      });
  }
  return { differences, notChecked };
}

/** Names the parts that differ. `otherwise` is returned if the definitions differ but none of these parts does. */
function listChanges(from: Routine, to: Routine, otherwise?: string): string[] {
  const changes = [
    from.kind !== to.kind ? 'kind' : '',
    from.bodyHash !== to.bodyHash ? 'body' : '',
    from.language !== to.language ? 'language' : '',
    from.returns !== to.returns ? 'result' : '',
    from.securityDefiner !== to.securityDefiner ? 'SECURITY DEFINER' : '',
    isSameList(from.settings, to.settings) ? '' : 'settings',
  ].filter(Boolean);
  return changes.length > 0 || otherwise === undefined ? changes : [otherwise];
}

/** Whether the body is BEGIN ATOMIC. The server keeps no source text for it and writes it out from the parse tree. */
const isDeparsedBody = ({ definition }: Routine): boolean => /^\s*BEGIN ATOMIC$/m.test(definition);

/** Returns the head of a definition without its body, which may contain anything. */
const extractFunctionHead = (definition: string): string =>
  definition
    .split(/\nAS \$/)[0]!
    .replace(/\s+/g, ' ')
    .trim();
