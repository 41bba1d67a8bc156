package label

import _ "embed"

// The two policies that ship. They are for exercises: their names say so, and every value that no published source
// gives carries the grade "exercise".
var (
	//go:embed policies/jpn-exercise.json
	jpnExercise []byte
	//go:embed policies/nzl-exercise.json
	nzlExercise []byte
)

// ExercisePolicyFiles returns the bytes of the policies that ship, for a node's data directory and for other readers.
func ExercisePolicyFiles() [][]byte {
	return [][]byte{append([]byte(nil), jpnExercise...), append([]byte(nil), nzlExercise...)}
}

// ExercisePolicies returns the policies of Japan and New Zealand for exercises.
func ExercisePolicies() (*Set, error) {
	var policies []*Policy
	for _, file := range ExercisePolicyFiles() {
		p, err := ParsePolicy(file)
		if err != nil {
			return nil, err
		}
		policies = append(policies, p)
	}
	return NewSet(policies...)
}
