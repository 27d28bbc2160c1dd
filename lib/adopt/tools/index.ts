/** Whose folder it is, and its rules. */
import { join } from 'node:path';
import { type MigrationFile, readFolder } from '../../compiler/read/files';
import { toolOf } from '../../compiler/read/other-tools';
import type { ReadOptions, ToolFolder, ToolRules } from '../entry';
import { listingOf } from '../listing';
import { AdoptProblem } from '../problem';
import { CODE } from './code';
import { dbmate } from './dbmate';
import { drizzle } from './drizzle';
import { flyway } from './flyway';
import { golangMigrate } from './golang-migrate';
import { goose } from './goose';
import { nodePgMigrate } from './node-pg-migrate';
import { prisma } from './prisma';
import { supabase } from './supabase';

export const TOOLS: readonly ToolRules[] = [
  dbmate,
  drizzle,
  flyway,
  golangMigrate,
  goose,
  nodePgMigrate,
  prisma,
  supabase,
  ...CODE,
];

export interface Understood {
  readonly folder: string;
  readonly rules: ToolRules;
  readonly content: ToolFolder;
}

/**
 * Reads the folder by its tool's own rules. A folder with `migrations` in it stands for that one.
 * @param name of the tool, in any case. @default - the tool that the files are of
 * @throws {AdoptProblem}
 */
export function understand(folder: string, name?: string, options?: ReadOptions): Understood {
  const given = name === undefined ? undefined : toolNamed(name);
  for (const path of [folder, join(folder, 'migrations')]) {
    const { files } = readFolder(path);
    const rules = given ?? recognized(path, files);
    if (!rules) continue;
    const content = rules.read(listingOf(path), options);
    if (content.entries.length > 0) return { folder: path, rules, content };
  }
  throw new AdoptProblem(
    `${folder} holds no migrations of ${given ? given.tool : 'a tool that Trueup knows'}`,
    given
      ? 'Give the folder that holds its migrations.'
      : `Give the folder that holds the migrations themselves, and --tool: ${TOOLS.map(({ tool }) => tool).join(', ')}.`,
  );
}

/** @throws {AdoptProblem} */
function toolNamed(name: string): ToolRules {
  const found = TOOLS.find(({ tool }) => tool.toLowerCase() === name.toLowerCase());
  if (found) return found;
  throw new AdoptProblem(
    `\`${name}\` is no tool that Trueup knows`,
    `Give one of ${TOOLS.map(({ tool }) => tool).join(', ')}.`,
  );
}

const OUR_OWN = /^--\s*migrate:(?!up\b|down\b|history\b)/m;

function recognized(folder: string, files: readonly MigrationFile[]): ToolRules | undefined {
  const texts = files.map(({ bytes }) => Buffer.from(bytes).toString('latin1'));
  if (texts.some((text) => /^\s*--\s*\+goose\s+up/im.test(text))) return goose;
  if (texts.some((text) => OUR_OWN.test(text))) return undefined;
  if (texts.some((text) => /^--\s*migrate:up/m.test(text))) return dbmate;
  const tool = toolOf(folder, files);
  return TOOLS.find((rules) => rules.tool === tool);
}
