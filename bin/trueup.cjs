#!/usr/bin/env node
// What package.json names as the program: the build, or in a checkout the sources, where nothing is built or one of them is newer.
// A file that is always there, since npm links a program that is missing to nothing, and keeps that link after a build.
const { existsSync, readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const built = join(root, 'dist', 'bin', 'trueup.js');
const isCheckout = existsSync(join(__dirname, 'trueup.ts'));

const changedAfter = (folder, time) =>
  readdirSync(folder, { withFileTypes: true }).some((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? changedAfter(path, time) : statSync(path).mtimeMs > time;
  });

const isCurrent = () => {
  const time = statSync(built).mtimeMs;
  return !['bin', 'lib', 'lambda'].some((folder) => changedAfter(join(root, folder), time));
};

// The version is package.json's, whatever was built.
const isVersion = process.argv.length === 3 && process.argv[2] === '--version';

if (!isCheckout || (existsSync(built) && (isVersion || isCurrent()))) {
  require(built);
} else {
  require('./sources.cjs');
  require('./trueup.ts');
}
