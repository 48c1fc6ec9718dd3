import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { describe, expect, it } from 'vitest';
import { fields, parse, render } from '../../src/callback/PathTemplate.ts';

const values = {
  epoch: { _tag: 'Integer', value: 7 },
  val_loss: { _tag: 'Float', value: 0.125 },
  drop: { _tag: 'Float', value: -2 },
} as const;

const path = (template: string): E.Either<string, string> => pipe(parse(template), E.chain(render(values)));

describe('a path template', () => {
  it('fills its fields in', () => {
    const pairs: ReadonlyArray<readonly [string, string]> = [
      ['plain.safetensors', 'plain.safetensors'],
      ['{epoch}/{epoch:02d}/{epoch:3d}', '7/07/  7'],
      ['{val_loss} {val_loss:.2f} {val_loss:.3e} {val_loss:f}', '0.125 0.12 1.250e-01 0.125000'],
      ['{drop} {drop:07.2f} {drop:+.1f} {val_loss:+.1f} {val_loss:.0%}', '-2.0 -002.00 -2.0 +0.1 12%'],
      ['{epoch:.1f} {val_loss:g} {val_loss:E}', '7.0 0.125 1.250000E-01'],
      ['{{epoch}} {{{epoch}}}', '{epoch} {7}'],
    ];
    for (const [template, text] of pairs) expect(path(template)).toEqual(E.right(text));
  });

  it('knows its fields', () => {
    expect(pipe(parse('{epoch:02d}-{{x}}-{val_loss}'), E.map(fields))).toEqual(E.right(['epoch', 'val_loss']));
  });

  it('says what is wrong', () => {
    const wrong = ['{epoch', 'epoch}', '{}', '{epoch:xyz}', '{val_loss:.2d}', '{val_loss:.3}', '{acc}', '{val_loss:d}'];
    expect(
      wrong.map((template) =>
        pipe(
          path(template),
          E.match((why) => why.split(';')[0], String),
        ),
      ),
    ).toEqual([
      "a single '{' in '{epoch'",
      "a single '}' in 'epoch}'",
      "a field without a name in '{}'",
      "the format 'xyz' of {epoch} is not known",
      "the format '.2d' of {val_loss} has a precision but not f, e, g or % at its end",
      "the format '.3' of {val_loss} has a precision but not f, e, g or % at its end",
      'the path has a field {acc}, but there are only epoch, val_loss, drop',
      'the field {val_loss} is not an integer: use f, e or g in place of d',
    ]);
  });
});
