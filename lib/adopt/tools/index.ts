/** Finds the tool that a folder belongs to, and reads the folder by that tool's rules. */
import { join } from 'node:path';
import { type MigrationFile, readFolder } from '../../compiler/read/files';
import { detectTool } from '../../compiler/read/other-tools';
import type { ReadOptions, ToolFolder, ToolRules } from '../entry';
import { readListing } from '../listing';
import { AdoptProblem } from '../problem';
import { CODE_TOOLS } from './code';
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
  ...CODE_TOOLS,
];

export interface ParsedToolFolder {
  readonly folder: string;
  readonly rules: ToolRules;
  readonly content: ToolFolder;
}

/**
 * Reads the folder by its tool's own rules. If the folder itself holds no migrations, its subfolder `migrations` is
 * read.
 * @param name name of the tool, in any case. @default - the tool that the files belong to
 * @throws {AdoptProblem}
 */
export function readToolFolder(folder: string, name?: string, options?: ReadOptions): ParsedToolFolder {
  const given = name === undefined ? undefined : findTool(name);
  for (const path of [folder, join(folder, 'migrations')]) {
    const { files } = readFolder(path);
    const rules = given ?? recognizeTool(path, files);
    if (!rules) continue;
    const content = rules.read(readListing(path), options);
    if (content.entries.length > 0) return { folder: path, rules, content };
  }
  throw new AdoptProblem(
    `${folder} has no migrations of ${given ? given.tool : 'a supported tool'}`,
    given
      ? 'Give the folder with its migrations.'
      : `Give the folder with the migrations, and --tool: ${TOOLS.map(({ tool }) => tool).join(', ')}.`,
  );
}

/** @throws {AdoptProblem} */
function findTool(name: string): ToolRules {
  const found = TOOLS.find(({ tool }) => tool.toLowerCase() === name.toLowerCase());
  if (found) return found;
  throw new AdoptProblem(
    `the tool \`${name}\` is not supported`,
    `Give one of ${TOOLS.map(({ tool }) => tool).join(', ')}.`,
  );
}

const TRUEUP_MARKER = /^--\s*migrate:(?!up\b|down\b|history\b)/m;

function recognizeTool(folder: string, files: readonly MigrationFile[]): ToolRules | undefined {
  const texts = files.map(({ bytes }) => Buffer.from(bytes).toString('latin1'));
  if (texts.some((text) => /^\s*--\s*\+goose\s+up/im.test(text))) return goose;
  if (texts.some((text) => TRUEUP_MARKER.test(text))) return undefined;
  if (texts.some((text) => /^--\s*migrate:up/m.test(text))) return dbmate;
  const tool = detectTool(folder, files);
  return TOOLS.find((rules) => rules.tool === tool);
}
