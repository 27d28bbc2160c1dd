/** Where a statement's tree has constants, and what each of them is. Positions are offsets in UTF-16 units. */
import type { Node } from 'libpg-query';
import type { Parsed } from '../compiler/read/parser';

export interface Places {
  /** Constants that may be values: they become parameters. */
  readonly values: ReadonlySet<number>;
  /**
   * Constants that are part of the statement's form: a type's length, a column's position after GROUP BY, the name of a
   * sequence in nextval('orders_id_seq'), and '' and 0 in the target of ON CONFLICT, which has to match an index: COALESCE (name, '').
   */
  readonly form: ReadonlySet<number>;
  /** By the place of the constant or parameter, that of the type in front of it: `interval '1 day'`. */
  readonly prefixes: ReadonlyMap<number, Prefix>;
}

export interface Prefix {
  readonly start: number;
  /** `day to second` may follow. */
  readonly interval: boolean;
}

/** A select list has no more (MaxTupleAttributeNumber), and lengths of types beyond it are not told from values. */
const MAX_COLUMNS = 1_664;

type Fields = Record<string, unknown>;
interface Visit {
  readonly value: unknown;
  /** Name of the field that it was found under. */
  readonly key: string;
  readonly form: boolean;
  /** Within the target of ON CONFLICT. */
  readonly target: boolean;
  /** What names a sequence. */
  readonly sequence?: boolean;
}

/** Without recursion: expressions may be nested as deeply as the parser takes them. */
export function placesOf(root: Node, offset: Parsed['offset']): Places {
  const values = new Set<number>();
  const form = new Set<number>();
  const prefixes = new Map<number, Prefix>();
  const stack: Visit[] = [{ value: root, key: '', form: false, target: false }];
  for (let visit = stack.pop(); visit; visit = stack.pop()) {
    const { value, key } = visit;
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      for (const item of value) stack.push({ ...visit, value: item });
      continue;
    }
    const fields = value as Fields;
    if (key === 'A_Const') {
      // true, false and NULL are words of the statement, and a plan depends on them.
      const isValue = !('boolval' in fields) && !('isnull' in fields);
      const at = placeOf(fields);
      const position = (fields.ival as { ival?: number } | undefined)?.ival ?? 0;
      const isForm =
        (visit.form && 'ival' in fields && position <= MAX_COLUMNS) ||
        (visit.target && isEmpty(fields)) ||
        (visit.sequence === true && isName(fields));
      if (isValue && at !== undefined) (isForm ? form : values).add(offset(at));
      if (isForm && at !== undefined) prefixes.delete(offset(at));
      continue;
    }
    if (key === 'TypeCast') {
      const { arg, typeName } = fields as { arg?: Fields; typeName?: Fields };
      const inner = (arg?.A_Const ?? arg?.ParamRef) as Fields | undefined;
      const [type, at] = [placeOf(typeName), placeOf(inner)];
      if (type !== undefined && at !== undefined && type < at)
        prefixes.set(offset(at), { start: offset(type), interval: isInterval(typeName!) });
    }
    for (const [name, child] of Object.entries(fields)) {
      if (typeof child !== 'object') continue;
      const positions = /^(groupClause|distinctClause|sortClause)$/.test(name) && key === 'SelectStmt';
      const wrapper = /^(SortBy|GroupingSet|node|content)$/.test(name);
      if (name === 'args' && key === 'FuncCall' && callsSequence(fields)) {
        const [first, ...others] = child as unknown[];
        stack.push({ value: first, key: name, target: visit.target, form: false, sequence: true });
        for (const other of others)
          stack.push({ value: other, key: name, target: visit.target, form: false });
        continue;
      }
      stack.push({
        value: child,
        key: name,
        sequence: visit.sequence && /^(arg|A_Const|TypeCast)$/.test(name),
        target: visit.target || name === 'infer',
        form: name === 'typmods' || positions || (visit.form && (wrapper || name === 'A_Const')),
      });
    }
  }
  return { values, form, prefixes };
}

type Names = readonly { String?: { sval?: string } }[] | undefined;

const callsSequence = ({ funcname }: { funcname?: Names }): boolean =>
  /^(nextval|currval|setval)$/.test(funcname?.at(-1)?.String?.sval ?? '');

/** As people name sequences; anything else might be a value. */
const isName = ({ sval }: { sval?: { sval?: string } }): boolean =>
  /^("[\w .$-]{1,63}"|[a-z_][\w$]{0,62})(\.("[\w .$-]{1,63}"|[a-z_][\w$]{0,62}))?$/i.test(sval?.sval ?? '');

/** '' or 0, which tell nothing of a row; the tree leaves both out. */
const isEmpty = ({ sval, ival }: { sval?: { sval?: string }; ival?: { ival?: number } }): boolean =>
  sval ? !sval.sval : ival !== undefined && !ival.ival;

/** The tree leaves out a location of 0; −1 means that there is none. */
function placeOf(fields: Fields | undefined): number | undefined {
  if (fields === undefined) return undefined;
  const { location = 0 } = fields as { location?: number };
  return location < 0 ? undefined : location;
}

const isInterval = ({ names }: { names?: { String?: { sval?: string } }[] }): boolean =>
  names?.at(-1)?.String?.sval === 'interval';
