import type { Routine } from '../catalogue/functions';
import { key, path } from '../names';
import type { NotSeen } from '../not-seen';
import type { Comparison, Difference, Lost } from './difference';
import type { Pair } from './pair';
import { sameList } from './text';
import { OTHER_MAJOR } from './views';

export function compareFunctions(pair: Pair): Comparison {
  const keyOf = ({ schema, name, signature }: Routine): string => key(schema, name, signature);
  const here = new Map(pair.target.functions.map((each) => [keyOf(each), each]));
  const differences: Difference[] = [];
  const notSeen: NotSeen[] = [];
  for (const routine of pair.source.functions) {
    const { schema, name, signature, kind, definition } = routine;
    if (!pair.hasSchema(schema)) continue;
    const found = here.get(keyOf(routine));
    const object = `${path(schema, name)}(${signature})`;
    const common = {
      id: 'function-lost' as const,
      object,
      source: outlined(definition),
      lost: [{ kind: 'functions', from: routine, ...(found ? { to: found } : {}) }] satisfies Lost[],
      names: [name],
    };
    const what = kind === 'procedure' ? 'Procedure' : kind === 'aggregate' ? 'Aggregate' : 'Function';
    if (found === undefined) {
      differences.push({ ...common, message: `${what} ${object} is missing.`, target: null });
      continue;
    }
    const changes =
      pair.sameMajor && definition !== found.definition
        ? changesOf(routine, found, 'definition')
        : changesOf(routine, found);
    if (changes.length > 0 && isWrittenByServer(routine) && !pair.sameMajor && sameList(changes, ['body']))
      notSeen.push({ what: 'body of a function', of: { schema, name }, why: OTHER_MAJOR });
    else if (changes.length > 0)
      differences.push({
        ...common,
        message: `${what} ${object} is another one than in the source: its ${changes.join(', ')}.`,
        target: outlined(found.definition),
      });
  }
  return { differences, notSeen };
}

/** In words; `otherwise` where none of the parts differs, and the whole does. */
function changesOf(from: Routine, to: Routine, otherwise?: string): string[] {
  const changes = [
    from.kind !== to.kind ? 'kind' : '',
    from.bodyHash !== to.bodyHash ? 'body' : '',
    from.language !== to.language ? 'language' : '',
    from.returns !== to.returns ? 'result' : '',
    from.securityDefiner !== to.securityDefiner ? 'SECURITY DEFINER' : '',
    sameList(from.settings, to.settings) ? '' : 'settings',
  ].filter(Boolean);
  return changes.length > 0 || otherwise === undefined ? changes : [otherwise];
}

/** BEGIN ATOMIC: the server keeps no text, and writes one when it is asked. */
const isWrittenByServer = ({ definition }: Routine): boolean => /^\s*BEGIN ATOMIC$/m.test(definition);

/** The head of it: a body may hold anything, and the finding is about the whole. */
const outlined = (definition: string): string =>
  definition
    .split(/\nAS \$/)[0]!
    .replace(/\s+/g, ' ')
    .trim();
