/**
 * The public API compiles with jsii, which makes packages for Python, Java, C# and Go. jsii itself is no dependency; these are the rules of
 * https://aws.github.io/jsii/user-guides/lib-author/typescript-restrictions/ that the API once broke, and the words that are reserved.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import { API, type Project, SymbolFlags, type Symbol as TsSymbol } from 'typescript/unstable/sync';
import { expect, test } from 'vitest';

const ROOT = resolve(__dirname, '../..');

/** Keywords of Python, Java, C# and Go that could be the name of a prop, and `except`, `namespace` and `object`, which once were. */
const RESERVED = new Set(
  'abstract and as assert async await base bool break byte case catch char checked class const continue decimal def default defer delegate del do double elif else enum event except explicit extends extern final finally fixed float for foreach from func global go goto if implements implicit import in instanceof int interface internal is lambda lock long map namespace native nonlocal not object operator or out override package params pass private protected public raise range readonly ref return sbyte sealed select short sizeof static string struct super switch synchronized this throw throws transient try type typeof uint ulong unchecked unsafe ushort using var virtual void volatile while with yield'.split(
    ' ',
  ),
);
const ALLOWED_GENERICS = new Set(['Record', 'Readonly', 'Array', 'Promise']);

interface AnyNode extends Node {
  readonly name?: AnyNode;
  readonly type?: AnyNode;
  readonly types?: readonly AnyNode[];
  readonly members?: readonly AnyNode[];
  readonly modifiers?: readonly AnyNode[];
  readonly parameters?: readonly AnyNode[];
  readonly typeName?: AnyNode;
  readonly operator?: SyntaxKind;
}

/** Returns what a language could not take, as `Type.member: reason`. */
function findProblems(config: string, index: string): readonly string[] {
  const api = new API({ cwd: ROOT });
  try {
    const [project] = api.updateSnapshot({ openProject: config }).getProjects();
    return new Finder(project!, index).findAll();
  } finally {
    api.close();
  }
}

class Finder {
  private readonly problems: string[] = [];
  private readonly exported: readonly TsSymbol[];

  constructor(
    private readonly project: Project,
    index: string,
  ) {
    const { checker, program } = project;
    const module = checker.getSymbolAtLocation(program.getSourceFile(index)!)!;
    this.exported = checker
      .getExportsOfModule(module)
      .map((each) => (each.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(each) : each));
  }

  findAll(): readonly string[] {
    for (const symbol of this.exported)
      for (const declaration of symbol.declarations)
        this.checkType(symbol, declaration.resolve()! as AnyNode);
    return this.problems;
  }

  private checkType(symbol: TsSymbol, node: AnyNode): void {
    if (node.kind !== SyntaxKind.InterfaceDeclaration && node.kind !== SyntaxKind.ClassDeclaration) {
      this.problems.push(`${symbol.name}: neither a class nor an interface`);
      return;
    }
    const isInterface = node.kind === SyntaxKind.InterfaceDeclaration;
    const inherited = isInterface ? this.listInheritedNames(symbol) : new Set<string>();
    for (const member of node.members ?? []) {
      const name = member.name?.getText() ?? 'constructor';
      const place = `${symbol.name}.${name}`;
      if (inherited.has(name)) this.problems.push(`${place}: redeclares a member`);
      this.checkMember(place, name, member);
      for (const parameter of member.kind === SyntaxKind.Constructor ? (member.parameters ?? []) : [])
        if (hasModifier(parameter, SyntaxKind.ReadonlyKeyword))
          this.checkMember(
            `${symbol.name}.${parameter.name!.getText()}`,
            parameter.name!.getText(),
            parameter,
          );
    }
  }

  private listInheritedNames(symbol: TsSymbol): ReadonlySet<string> {
    const { checker } = this.project;
    const bases = checker.getBaseTypes(
      checker.getDeclaredTypeOfSymbol(symbol) as Parameters<typeof checker.getBaseTypes>[0],
    );
    return new Set(bases.flatMap((base) => checker.getPropertiesOfType(base).map(({ name }) => name)));
  }

  private checkMember(place: string, name: string, member: AnyNode): void {
    if (hasModifier(member, SyntaxKind.PrivateKeyword)) return;
    const isInternal = (member.jsDoc ?? []).some((each) => /@internal\b/.test(each.getText()));
    if (isInternal !== name.startsWith('_'))
      this.problems.push(`${place}: @internal and a leading underscore go together`);
    if (isInternal) return;
    if (member.jsDoc === undefined && member.kind !== SyntaxKind.Constructor)
      this.problems.push(`${place}: no doc comment, which the documentation of each language is made of`);
    if (RESERVED.has(name)) this.problems.push(`${place}: a reserved word`);
    if (member.kind !== SyntaxKind.Constructor) this.checkTypeNode(place, member.type);
    for (const parameter of member.parameters ?? []) {
      if (hasModifier(parameter, SyntaxKind.ReadonlyKeyword)) continue;
      this.checkTypeNode(`${place}(${parameter.name!.getText()})`, parameter.type);
    }
  }

  private checkTypeNode(place: string, node: AnyNode | undefined): void {
    if (node === undefined) {
      this.problems.push(`${place}: its type is not written`);
      return;
    }
    const report = (reason: string) => this.problems.push(`${place}: ${reason}`);
    if (node.kind === SyntaxKind.TypeLiteral) return void report('an inline object type');
    if (node.kind === SyntaxKind.TypeOperator) report('a readonly array');
    if (node.kind === SyntaxKind.TupleType) report('a tuple');
    if (node.kind === SyntaxKind.FunctionType) report('a function');
    if (node.kind === SyntaxKind.IntersectionType) report('an intersection');
    if (node.kind === SyntaxKind.UnionType && isUnionOfObjects(node)) report('a union of objects');
    if (node.kind === SyntaxKind.TypeReference) this.checkReference(report, node.typeName!);
    node.forEachChild((child) => {
      if (child !== node.typeName) this.checkTypeNode(place, child as AnyNode);
      return undefined;
    });
  }

  private checkReference(report: (reason: string) => unknown, name: AnyNode): void {
    const { checker } = this.project;
    const local = checker.getSymbolAtLocation(name)!;
    const symbol = local.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(local) : local;
    const isOurs = symbol.declarations.some(
      ({ path }) => !/\/node_modules\/|\/lib\.[\w.]+\.d\.ts$/.test(path),
    );
    const isStandard = symbol.declarations.some(({ path }) => /\/lib\.[\w.]+\.d\.ts$/.test(path));
    if (isOurs && !this.exported.some((each) => each === symbol))
      report(`${symbol.name}, which is not exported`);
    if (isStandard && !ALLOWED_GENERICS.has(symbol.name)) report(`${symbol.name} of TypeScript`);
  }
}

const hasModifier = (node: AnyNode, kind: SyntaxKind): boolean =>
  (node.modifiers ?? []).some((each) => each.kind === kind);

/** Texts, their lists and their maps may be alternatives; an object has one type. */
function isUnionOfObjects({ types = [] }: AnyNode): boolean {
  const kept = types.filter(({ kind }) => kind !== SyntaxKind.UndefinedKeyword);
  const isObject = (each: AnyNode) =>
    each.kind === SyntaxKind.TypeReference && !ALLOWED_GENERICS.has(each.typeName!.getText());
  return kept.length > 1 && kept.some(isObject);
}

test('the public API has nothing that a language cannot take', () => {
  expect(findProblems(join(ROOT, 'tsconfig.json'), join(ROOT, 'lib/index.ts'))).toEqual([]);
});

test('what a language cannot take is found', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-languages-'));
  const index = join(folder, 'index.ts');
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { strict: true, noEmit: true, types: [] }, files: ['index.ts'] }),
  );
  writeFileSync(
    index,
    `interface Hidden { readonly a: string }
/** Fine. */
export interface Base {
  /** Fine. */
  readonly name?: string;
  /** Fine. */
  readonly list: string[];
}
export interface Props extends Base {
  /** Fine. */ readonly name: string;
  /** Fine. */ readonly items: readonly string[];
  /** Fine. */ readonly frozen?: ReadonlyArray<string>;
  /** Fine. */ readonly inline: { readonly a: string };
  /** Fine. */ readonly rest: Omit<Base, 'name'>;
  /** Fine. */ readonly hidden?: Hidden;
  /** Fine. */ readonly either: boolean | Base;
  /** Fine. */ readonly pair: [string, string];
  /** Fine. */ readonly call: () => void;
  /** Fine. */ readonly nested: Readonly<Record<string, readonly string[]>>;
  /** Fine. */ readonly except?: string;
  /** Fine. */
  readonly fine?: string | Record<string, string>;
  /** @internal */
  readonly leak?: Hidden;
}
export class Thing {
  /** Fine. */ static make(options: Partial<Base>): Thing { return new Thing(undefined, options); }
  private constructor(
    /** Fine. */ readonly shown: Hidden | undefined,
    /** @internal */ readonly _given: Partial<Base>,
  ) {}
  /** Fine. */ get implied() { return 1; }
  /** Fine. */ _unmarked(): void {}
  bare(): void {}
  private _own(): Hidden | undefined { return this.shown; }
}
export type Alias = string;
`,
  );
  expect(findProblems(join(folder, 'tsconfig.json'), index)).toEqual([
    'Props.name: redeclares a member',
    'Props.items: a readonly array',
    'Props.frozen: ReadonlyArray of TypeScript',
    'Props.inline: an inline object type',
    'Props.rest: Omit of TypeScript',
    'Props.hidden: Hidden, which is not exported',
    'Props.either: a union of objects',
    'Props.pair: a tuple',
    'Props.call: a function',
    'Props.nested: a readonly array',
    'Props.except: a reserved word',
    'Props.leak: @internal and a leading underscore go together',
    'Thing.make(options): Partial of TypeScript',
    'Thing.shown: Hidden, which is not exported',
    'Thing.implied: its type is not written',
    'Thing._unmarked: @internal and a leading underscore go together',
    'Thing.bare: no doc comment, which the documentation of each language is made of',
    'Alias: neither a class nor an interface',
  ]);
});
