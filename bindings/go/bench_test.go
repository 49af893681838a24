package awqmarlin

import "testing"

// square is a layer of 64 x 64 on one thread, the smallest that is worth a call.
func square(b *testing.B) *Linear {
	weight := make([]float32, 64*64)
	for i := range weight {
		weight[i] = float32(i%17) - 8
	}
	packed, err := Quantize(weight, 64, 64, QuantizeOptions{GroupSize: 64})
	ok(b, err)
	defer packed.Close()
	cpu, err := NewCPU(CPUOptions{Threads: 1})
	ok(b, err)
	defer cpu.Close()
	layer, err := NewLinear(cpu, packed, LinearOptions{})
	ok(b, err)
	return layer
}

// What a call from Go to C costs at least.
func BenchmarkCgo(b *testing.B) {
	for i := 0; i < b.N; i++ {
		LibraryABIVersion()
	}
}

func BenchmarkRun64x64(b *testing.B) {
	layer := square(b)
	defer layer.Close()
	plan, err := layer.Plan(PlanOptions{M: 1, DType: F32})
	ok(b, err)
	defer plan.Close()
	bytes, err := layer.WorkspaceBytes(1, F32)
	ok(b, err)
	x, y, workspace := make([]float32, 64), make([]float32, 64), make([]byte, bytes)
	for name, runner := range map[string]Runner{"linear": layer, "plan": plan} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				if err := Run(runner, x, y, 1, workspace); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The same in C, in one call from Go: what is left is cgo and this package.
func BenchmarkRun64x64InC(b *testing.B) {
	layer := square(b)
	defer layer.Close()
	bytes, err := layer.WorkspaceBytes(1, F32)
	ok(b, err)
	x, y, workspace := make([]float32, 64), make([]float32, 64), make([]byte, bytes)
	b.ResetTimer()
	ok(b, runManyInC(layer, x, y, workspace, b.N))
}

// The way through this package leaves no garbage.
func TestRunAllocatesNothing(t *testing.T) {
	layer := upProj(t, CPUOptions{Threads: 1})
	defer layer.Close()
	bytes, err := layer.WorkspaceBytes(1, F32)
	ok(t, err)
	x, y, workspace := make([]float32, 256), make([]float32, 512), make([]byte, bytes)
	if n := testing.AllocsPerRun(100, func() { ok(t, Run(layer, x, y, 1, workspace)) }); n != 0 {
		t.Fatalf("%g allocations for each run", n)
	}
}
