package awqmarlin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func fails(t *testing.T, err error, status Status) {
	t.Helper()
	var full *Error
	if !errors.Is(err, status) || !errors.As(err, &full) || full.Message == "" {
		t.Fatalf("%v; %v is expected", err, status)
	}
}

// TestErrors provokes one error of each class.
func TestErrors(t *testing.T) {
	checkpoint := open(t)
	cpu, err := NewCPU(CPUOptions{Threads: 1})
	ok(t, err)

	// The caller's doing.
	_, err = NewCPU(CPUOptions{ISA: 99})
	fails(t, err, StatusUnknownEnum)
	_, err = checkpoint.Load(nil, LoadOptions{})
	fails(t, err, StatusInvalidArgument)
	_, err = checkpoint.Load([]string{"no.such.layer"}, LoadOptions{})
	fails(t, err, StatusNotFound)
	fails(t, Repack(LayerDesc{K: 64, N: 64, Bits: 4, GroupSize: 64, Layout: LayoutAWQGemm}, LayerTensors{}, LayoutMarlin, RepackOutput{}, nil), StatusTensor)

	// The data's.
	_, err = Open(filepath.Join(t.TempDir(), "nowhere"))
	fails(t, err, StatusMissing)
	_, err = ParseConfig([]byte("{"), "text")
	fails(t, err, StatusJSON)
	_, err = ParseConfig([]byte(`{"quant_method": "awq", "bits": "four"}`), "text")
	fails(t, err, StatusConfig)
	_, err = ParseConfig([]byte(`{"quant_method": "fp8"}`), "text")
	fails(t, err, StatusUnsupported)
	bad := filepath.Join(t.TempDir(), "bad.safetensors")
	ok(t, os.WriteFile(bad, []byte("no safetensors"), 0o600))
	_, err = OpenFiles([]string{bad}, nil)
	fails(t, err, StatusContainer)
	_, err = NewPacked(LayerDesc{K: 64, N: 64, Bits: 4, GroupSize: 64, Layout: LayoutAWQGemm}, LayerTensors{QWeight: make([]byte, 5), Scales: make([]byte, 128)})
	fails(t, err, StatusTensor)

	// The device's.
	info, err := GetCUDAInfo()
	ok(t, err)
	if !info.Available {
		if info.Reason == "" || BackendCUDA.Available() {
			t.Fatalf("%+v", info)
		}
		_, err = NewCUDA(CUDAOptions{})
		var full *Error
		if !errors.As(err, &full) || full.Status/100 != 3 {
			t.Fatal(err)
		}
	}

	// What the library cannot see: the length of a slice, and use after Close.
	packed, err := checkpoint.Load([]string{layerName}, LoadOptions{})
	ok(t, err)
	layer, err := NewLinear(cpu, packed, LinearOptions{})
	ok(t, err)
	bytes, err := layer.WorkspaceBytes(1, F32)
	ok(t, err)
	x, y := make([]float32, 256), make([]float32, 512)
	fails(t, Run(layer, x[:255], y, 1, make([]byte, bytes)), StatusBufferTooSmall)
	fails(t, Run(layer, x, y[:511], 1, make([]byte, bytes)), StatusBufferTooSmall)
	fails(t, Run(layer, x, y, -1, make([]byte, bytes)), StatusInvalidArgument)
	fails(t, Run(layer, []float64{1}, y, -1, nil), StatusInvalidArgument)
	for i := 0; i < 2; i++ {
		ok(t, layer.Close())
		ok(t, packed.Close())
		ok(t, cpu.Close())
		ok(t, checkpoint.Close())
	}
	if err := Run(layer, x, y, 1, make([]byte, bytes)); err != ErrClosed {
		t.Fatal(err)
	}
	if _, err := packed.Info(); err != ErrClosed {
		t.Fatal(err)
	}
	if _, err := NewLinear(cpu, packed, LinearOptions{}); err != ErrClosed {
		t.Fatal(err)
	}
	if _, err := checkpoint.Layers(); err != ErrClosed {
		t.Fatal(err)
	}
}

func TestStatusNames(t *testing.T) {
	if StatusTensor.Error() != "AWQM_STATUS_TENSOR" || F16.String() != "F16" || LayoutMarlin.String() != "marlin" ||
		KernelGemv.String() != "gemv" || MethodAWQ.String() != "awq" || ISAAVX2.String() != "avx2" || BF16.Bytes() != 2 {
		t.Fatal("names")
	}
}
