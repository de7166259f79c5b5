/** One remedy into a world on paper and out of it, with every way in which answers get lost. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { giveBackOf } from './sample-none.ts';
