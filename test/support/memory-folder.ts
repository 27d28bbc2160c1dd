import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';

const FOLDER = '/dev/shm';
/** Far more than the servers of a run fill. */
const ENOUGH_BYTES = 4 * 2 ** 30;
/** For those files and the processes of a run. A container's share may be far less than what its /dev/shm says. */
const ENOUGH_MEMORY_BYTES = 6 * 2 ** 30;

/**
 * Where Linux keeps files in memory, if there is room, and programs may be started from it. PostgreSQL copies some three
 * hundred files for each database: there that costs a fifth of what it does on a disk.
 */
export function memoryFolder(): string | undefined {
  if (!existsSync('/proc/mounts')) return undefined;
  const mount = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, folder]) => folder === FOLDER);
  const [, , type, options = ''] = mount ?? [];
  if (type !== 'tmpfs' || /\b(noexec|ro)\b/.test(options)) return undefined;
  // The limit of a control group; none is told as nothing, or 0.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  if (Math.min(limit, freemem()) < ENOUGH_MEMORY_BYTES) return undefined;
  const { bavail, bsize } = statfsSync(FOLDER);
  return bavail * bsize >= ENOUGH_BYTES ? FOLDER : undefined;
}

/** Temporary folders of this process and of those that it starts: in memory, unless the caller's TMPDIR says where. */
export function useMemoryFolder(): void {
  const folder = process.env.TMPDIR ? undefined : memoryFolder();
  if (folder) process.env.TMPDIR = folder;
}
