/** What a file is, and what is said of one that cannot be read. */
import { expect, test } from 'vitest';
import { detectFileKind } from '../../../lib/audit/sources/head';

test.each([
  ['{\n"format": "trueup-snapshot"', 'snapshot'],
  ['--\n-- PostgreSQL database dump\n--\n\nSET x = 1;', 'dump'],
  ['\uFEFFCREATE TABLE t ();', 'dump'],
  ['/* made by\nhand */ create table t ();', 'dump'],
  ['\\connect shop\n', 'dump'],
  ['SQLite format 3\0\u0010', 'sqlite'],
])('%j: %s', (text, kind) => {
  expect(detectFileKind(Buffer.from(text))).toBe(kind);
});

test.each([
  ['', /^is empty$/],
  ['PGDMP\u0001\u000f', /custom format/],
  [`toc.dat\0${'\0'.repeat(90)}`, /tar format/],
  ['\x1f\x8b\x08', /gzip/],
  ['\x28\xb5\x2f\xfd', /zstd/],
  ['PK\x03\x04', /ZIP/],
  ['\xff\xfe-\0-\0', /UTF-16/],
  ['-- MySQL dump 10.13  Distrib 8.0', /MySQL/],
  ['/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19', /MySQL/],
  ['-- phpMyAdmin SQL Dump\n-- version 5.2.1\nSET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";', /MySQL/],
  ['SET NAMES utf8mb4;\nDROP TABLE IF EXISTS `orders`;', /MySQL/],
  ['PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;', /sqlite3's \.dump/],
  ['--\n-- PostgreSQL database cluster dump\n--', /pg_dumpall/],
  ['\x89PNG\0\0', /^is neither/],
  ['12,34\n', /^is neither/],
])('%j is refused', (text, message) => {
  const refused = (() => {
    try {
      return detectFileKind(Buffer.from(text, 'latin1'));
    } catch (error) {
      return error as { message: string; remedy: string };
    }
  })();
  expect(refused).toMatchObject({
    message: expect.stringMatching(message),
    remedy: expect.stringMatching(/\w/),
  });
});

test.each([
  ['\xff\xfe-\0-\0', /pg_dump --file/],
  ['\xff\xfe{\0\n\0', /trueup snapshot --output/],
  ['\xfe\xff\0{\0\n', /trueup snapshot --output/],
])('%j: by what it holds', (text, remedy) => {
  expect(() => detectFileKind(Buffer.from(text, 'latin1'))).toThrow(
    expect.objectContaining({ remedy: expect.stringMatching(remedy) }),
  );
});
