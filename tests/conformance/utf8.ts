/** Byte sequences that are UTF-8 and that are none (RFC 3629). */

const hex = (...all: readonly string[]) => all.map(each => Buffer.from(each.replaceAll(' ', ''), 'hex'))

export const validText: readonly Buffer[] = [
  ...['', 'a', 'Hello-µ@ßöäüàá-UTF-8!!', 'κόσμε', '日本語', '😀', 'e\u0301', '\u{1F469}\u200D\u{1F680}'].map(
    words => Buffer.from(words),
  ),
  // First and last of each length.
  ...hex('00', '7f', 'c2 80', 'df bf', 'e0 a0 80', 'ef bf bf', 'f0 90 80 80', 'f4 8f bf bf'),
  // On both sides of the surrogates, and a private one.
  ...hex('ed 9f bf', 'ee 80 80', 'ef a3 bf'),
  // Noncharacters are characters as far as UTF-8 is concerned.
  ...hex('ef bf be', 'f0 9f bf be', 'f0 9f bf bf', 'f0 af bf be', 'f3 bf bf bf', 'ef b7 90'),
  ...hex('ef bb bf', 'ef bf bd'),
]

export const invalidText: readonly Buffer[] = [
  // Continuation bytes without a start.
  ...hex('80', 'bf', '80 bf', '80 bf 80', '80 bf 80 bf', '61 80', '80 61'),
  // Starts without continuation.
  ...hex(
    'c3',
    'c3 20',
    'e2 82',
    'e2 82 20',
    'f0 9f 98',
    'f0 9f 98 20',
    'e2 28 a1',
    'f0 28 8c bc',
    'f0 9f 28 80',
  ),
  // Longer than needed.
  ...hex(
    'c0 80',
    'c0 af',
    'c1 bf',
    'e0 80 80',
    'e0 80 af',
    'e0 9f bf',
    'f0 80 80 80',
    'f0 80 80 af',
    'f0 8f bf bf',
  ),
  // Surrogates.
  ...hex('ed a0 80', 'ed af bf', 'ed b0 80', 'ed bf bf', 'ed a0 80 ed b0 80', 'ed ad bf ed bf bf'),
  // Beyond U+10FFFF, and lengths that are no more.
  ...hex(
    'f4 90 80 80',
    'f5 80 80 80',
    'f7 bf bf bf',
    'f8 88 80 80 80',
    'fb bf bf bf bf',
    'fc 84 80 80 80 80',
  ),
  ...hex('fd bf bf bf bf bf', 'fe', 'ff', 'fe fe ff ff'),
  ...hex('ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64'),
]
