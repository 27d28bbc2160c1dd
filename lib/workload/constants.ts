/** Finds the constants in a statement's parse tree and classifies them. Positions are offsets in UTF-16 code units. */
import type { Node } from 'libpg-query';
import type { ParsedSql } from '../compiler/read/parser';

export interface ConstantPlaces {
  /** Positions of constants that may be data. They become parameters. */
  readonly values: ReadonlySet<number>;
  /**
   * Positions of constants that are part of the statement's form: the length of a type, a column position in GROUP BY,
   * the name of a sequence in `nextval('orders_id_seq')`, and `''` and `0` in the target of ON CONFLICT, such as
   * `COALESCE (name, '')`, which has to match an index.
   */
  readonly form: ReadonlySet<number>;
  /** Types written in front of a constant or parameter, as in `interval '1 day'`, by the position of the constant. */
  readonly prefixes: ReadonlyMap<number, TypePrefix>;
}

export interface TypePrefix {
  readonly start: number;
  /** Whether the type is `interval`, whose constant may be followed by fields such as `day to second`. */
  readonly interval: boolean;
}

/** Maximum number of columns in a select list (MaxTupleAttributeNumber). A larger number cannot be a column position. */
const MAX_COLUMNS = 1_664;

/**
 * Maximum length of a type, that of `bit` (MaxAttrSize in bits). The server does not accept a parameter as the length
 * of a type.
 */
const MAX_TYPE_LENGTH = 83_886_080;

type Fields = Record<string, unknown>;
interface Visit {
  readonly value: unknown;
  /** Name of the field that holds the value. */
  readonly key: string;
  readonly form: boolean;
  /** Whether the value is a length, precision or scale of a type. */
  readonly length?: boolean;
  /** Whether the value is inside the target of ON CONFLICT. */
  readonly target: boolean;
  /** Whether the value is the argument that names a sequence. */
  readonly sequence?: boolean;
}

/** Walks the tree without recursion, because expressions may be nested as deeply as the parser allows. */
export function findConstants(root: Node, offset: ParsedSql['offset']): ConstantPlaces {
  const values = new Set<number>();
  const form = new Set<number>();
  const prefixes = new Map<number, TypePrefix>();
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
      // `true`, `false` and NULL stay in the statement, because a plan depends on them.
      const isValue = !('boolval' in fields) && !('isnull' in fields);
      const at = readLocation(fields);
      const position = (fields.ival as { ival?: number } | undefined)?.ival ?? 0;
      const isForm =
        (visit.form && 'ival' in fields && position <= (visit.length ? MAX_TYPE_LENGTH : MAX_COLUMNS)) ||
        (visit.target && isEmpty(fields)) ||
        (visit.sequence === true && isName(fields));
      if (isValue && at !== undefined) (isForm ? form : values).add(offset(at));
      if (isForm && at !== undefined) prefixes.delete(offset(at));
      continue;
    }
    if (key === 'TypeCast') {
      const { arg, typeName } = fields as { arg?: Fields; typeName?: Fields };
      const inner = (arg?.A_Const ?? arg?.ParamRef) as Fields | undefined;
      const [type, at] = [readLocation(typeName), readLocation(inner)];
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
        length: name === 'typmods' || (visit.length && name === 'A_Const'),
        form: name === 'typmods' || positions || (visit.form && (wrapper || name === 'A_Const')),
      });
    }
  }
  return { values, form, prefixes };
}

type NameNodes = readonly { String?: { sval?: string } }[] | undefined;

const callsSequence = ({ funcname }: { funcname?: NameNodes }): boolean =>
  /^(nextval|currval|setval)$/.test(funcname?.at(-1)?.String?.sval ?? '');

/** Whether a string looks like the name of a sequence. Any other string might be data. */
const isName = ({ sval }: { sval?: { sval?: string } }): boolean =>
  /^("[\w .$-]{1,63}"|[a-z_][\w$]{0,62})(\.("[\w .$-]{1,63}"|[a-z_][\w$]{0,62}))?$/i.test(sval?.sval ?? '');

/** Whether a constant is `''` or `0`, which reveal no data. The tree omits both values. */
const isEmpty = ({ sval, ival }: { sval?: { sval?: string }; ival?: { ival?: number } }): boolean =>
  sval ? !sval.sval : ival !== undefined && !ival.ival;

/** Returns the position of a node. The tree omits a location of 0, and −1 means that there is none. */
function readLocation(fields: Fields | undefined): number | undefined {
  if (fields === undefined) return undefined;
  const { location = 0 } = fields as { location?: number };
  return location < 0 ? undefined : location;
}

const isInterval = ({ names }: { names?: { String?: { sval?: string } }[] }): boolean =>
  names?.at(-1)?.String?.sval === 'interval';
