/** What the package exports, as the compiler sees it: so that nothing new can be forgotten by tests that go through all of it. */
import { resolve } from 'node:path';
import { API, type Checker, SymbolFlags, type Symbol as TsSymbol } from 'typescript/unstable/sync';

const ROOT = resolve(__dirname, '../..');

export interface Documented {
  readonly name: string;
  readonly comment: string;
  readonly tags: readonly { readonly name: string; readonly text: string }[];
}
export interface Member extends Documented {
  readonly optional: boolean;
  /** As TypeScript prints it, without `undefined`. */
  readonly type: string;
}
export interface PublicType extends Documented {
  readonly kind: 'class' | 'interface';
  /** Of an interface: inherited ones too, but only those of this package. */
  readonly members: readonly Member[];
}

let known: readonly PublicType[] | undefined;

/** Of `lib/index.ts`; read once a process. */
export function publicApi(): readonly PublicType[] {
  known ??= readPublicApi();
  return known;
}

function readPublicApi(): readonly PublicType[] {
  const api = new API({ cwd: ROOT });
  try {
    const [project] = api.updateSnapshot({ openProject: resolve(ROOT, 'tsconfig.json') }).getProjects();
    const { checker, program } = project!;
    const index = checker.getSymbolAtLocation(program.getSourceFile(resolve(ROOT, 'lib/index.ts'))!)!;
    return checker.getExportsOfModule(index).map((symbol) => typeOf(checker, symbol));
  } finally {
    api.close();
  }
}

function typeOf(checker: Checker, exported: TsSymbol): PublicType {
  const symbol = exported.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const isClass = (symbol.flags & SymbolFlags.Class) !== 0;
  const properties = isClass ? [] : checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol)!);
  return {
    ...documented(checker, symbol),
    kind: isClass ? 'class' : 'interface',
    members: properties.filter(isOurs).map((property) => member(checker, property)),
  };
}

const isOurs = (symbol: TsSymbol): boolean =>
  symbol.declarations.some(({ path }) => !path.includes('/node_modules/'));

const member = (checker: Checker, symbol: TsSymbol): Member => ({
  ...documented(checker, symbol),
  optional: (symbol.flags & SymbolFlags.Optional) !== 0,
  type: checker.typeToString(checker.getTypeOfSymbol(symbol)!).replace(/ \| undefined$/, ''),
});

const documented = (checker: Checker, symbol: TsSymbol): Documented => ({
  name: symbol.name,
  comment: symbol.getDocumentationComment(checker),
  tags: symbol.getJsDocTags(checker).map(({ name, text }) => ({ name, text: textOf(text) })),
});

const textOf = (text: unknown): string =>
  Array.isArray(text) ? text.map((part: { text: string }) => part.text).join('') : String(text ?? '');
