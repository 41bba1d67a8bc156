// Package release turns a report into what a partner may have of it: it reads the report in portions, decides each
// portion on its own label, builds a release version anew from what may be shown, and lets the partner, and later
// anybody, check that the version is what was dispatched and part of what was registered.
//
// # Use
//
// The originator's side: [ParseReport] reads a report and says every rule it breaks; [ParseSheet] reads the release sheet
// that its originator wrote; [Prepare] decides; [Preview] shows the partner's view with the list of what is withheld and
// why; [Build] makes the [Version] and its high-side [Original]; [Approve] checks a release officer's decision against
// everything again, on the final bytes, and gives the terms of the dispatch. The guard judges those bytes after that,
// with code of its own.
//
// The recipient's side: [DecodeVersion], [DecodeDispatchTerms], [CheckReceived], then [Text] for people. Both sides fold the
// statements of the release's thread with [Fold].
//
// # What leaves
//
// Every field of a report is a portion, and header fields are unmarked: nothing of the header travels, neither serial,
// subject, grading, event references, offices nor times. The title, the purpose and the precedence come from the sheet. A
// paragraph leaves word for word or not at all. What a withheld portion would have told the reader of a shown one, its
// originator says in a gist: a new portion with a mark of its own, whose provenance stays at home. A portion that
// travels with others is withheld with any of them, transitively. A shown portion that names another by number is
// withheld, because portions are numbered anew. The banner is the join of what is shown. Handling lines are the
// agreement's own words.
//
// Two operations that are never mixed: withholding, where the portion's commitment stays in the manifest, and rewriting,
// where a gist is a new portion that says it is one. The title and the gists must not repeat the words of what the
// recipient may not have; a run of 36 bytes refuses. That finds what was copied, not what was paraphrased: the release
// officer is shown every gist with its reason and its source.
//
// # The manifest
//
// One salted SHA-384 commitment for each portion of report and sheet, header fields and withheld paragraphs included,
// filled up with decoys to 64 entries (128 or 256 for a report with more portions), in ascending order. Salts are
// fresh for every version. A holder of the version can check that what is shown opens entries of the manifest whose
// digest the dispatch and the originator's register name ([VerifyPart]); the originator can open every entry, decoys
// included ([Original.Verify]). Nobody else learns how much was withheld: with up to 64 portions in all, size of manifest and
// size of version depend on what is shown alone. That something may have been withheld is not hidden.
//
// # What is promised
//
// The package is pure: no I/O, no clock, no state; time and randomness are arguments, and what the caller did not
// commit never happened. Decoders are strict, check their cap first and never panic. A portion that the agreement denies
// is never in a version; unknown and unmarked mean withheld, and an unmarked paragraph stops the whole report. Errors and
// findings name ids, lines and codes, never content.
//
// The format is doc/formats/release.md.
package release
