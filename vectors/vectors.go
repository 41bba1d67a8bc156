// Package vectors holds Entente's published test vectors: bytes on which every implementation must agree.
//
// Each folder belongs to the room of its name and is explained in doc/formats: seal/ in doc/formats/seal.md, and so on
// (doc/formats/README.md lists them). A file is a JSON object; byte strings are lower-case hexadecimal, times Unix
// milliseconds, and a case that must be refused carries the code of the refusal in "error".
//
// Vectors are promises. A vector that fails means that the change is wrong, not the vector; a new version of a format
// adds files and leaves the old ones in place. They contain keys, all of them made from names and used nowhere else.
package vectors

import "embed"

// Files holds every vector as "room/name.json".
//
//go:embed */*.json
var Files embed.FS
