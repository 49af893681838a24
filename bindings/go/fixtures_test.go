package awqmarlin

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// fixture is a path under the folder of fixtures, which $AWQM_FIXTURES names.
func fixture(t testing.TB, parts ...string) string {
	t.Helper()
	root := os.Getenv("AWQM_FIXTURES")
	if root == "" {
		root = "../../tests/fixtures"
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

const layerName = "model.layers.0.mlp.up_proj"

// expectedLayer is what other projects' code made of a layer of llama2l_gemm.
type expectedLayer struct {
	K, N          int64
	Input, Output string
	Marlin        map[string]string `json:"marlin_sha256"`
}

func expected(t testing.TB) map[string]expectedLayer {
	text, err := os.ReadFile(fixture(t, "checkpoint", "llama2l_gemm.expected.json"))
	ok(t, err)
	var all struct{ Modules map[string]expectedLayer }
	ok(t, json.Unmarshal(text, &all))
	return all.Modules
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB) *Checkpoint {
	checkpoint, err := Open(fixture(t, "checkpoint", "llama2l_gemm"))
	ok(t, err)
	t.Cleanup(func() { checkpoint.Close() })
	return checkpoint
}

// inputAndOutput are the fixture's x, two rows in F16, and y in F64.
func inputAndOutput(t testing.TB, layer expectedLayer) (x []Float16, y []float64) {
	tensors, err := OpenFiles([]string{fixture(t, "checkpoint", "llama2l_gemm.expected.safetensors")}, nil)
	ok(t, err)
	defer tensors.Close()
	input, err := tensors.Tensor(layer.Input)
	ok(t, err)
	output, err := tensors.Tensor(layer.Output)
	ok(t, err)
	x, y = make([]Float16, 2*layer.K), make([]float64, 2*layer.N)
	ok(t, binary.Read(bytes.NewReader(input.Data), binary.LittleEndian, x))
	ok(t, binary.Read(bytes.NewReader(output.Data), binary.LittleEndian, y))
	return x, y
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// near says where y is not the expected result, within the tolerance of F16 weights and F32 sums.
func near(y []float32, want []float64) error {
	scale := 0.0
	for _, v := range want {
		scale = math.Max(scale, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(float64(y[i])-want[i]) <= 2e-3*scale) {
			return fmt.Errorf("y[%d] is %g; %g is expected", i, y[i], want[i])
		}
	}
	return nil
}
