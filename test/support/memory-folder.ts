import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';

const FOLDER = '/dev/shm';
const GIGABYTE = 2 ** 30;
/** The processes of a run, beside the files. */
const PROCESSES_GIGABYTES = 2;

/**
 * Where Linux keeps files in memory, if there is room, and programs may be started from it. PostgreSQL copies some three
 * hundred files for each database: there that costs a fifth of what it does on a disk.
 */
function memoryFolder(gigabytes: number): string | undefined {
  if (!existsSync('/proc/mounts')) return undefined;
  const mount = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, folder]) => folder === FOLDER);
  const [, , type, options = ''] = mount ?? [];
  if (type !== 'tmpfs' || /\b(noexec|ro)\b/.test(options)) return undefined;
  // The limit of a control group, which may be far less than what /dev/shm says; none is told as nothing, or 0.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  if (Math.min(limit, freemem()) < (gigabytes + PROCESSES_GIGABYTES) * GIGABYTE) return undefined;
  const { bavail, bsize } = statfsSync(FOLDER);
  return bavail * bsize >= gigabytes * GIGABYTE ? FOLDER : undefined;
}

/**
 * Temporary folders of this process and of those that it starts: in memory, unless the caller's TMPDIR says where.
 * @param gigabytes far more than the run fills
 */
export function useMemoryFolder(gigabytes: number): void {
  const folder = process.env.TMPDIR ? undefined : memoryFolder(gigabytes);
  if (folder) process.env.TMPDIR = folder;
}
