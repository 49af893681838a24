// First runs one layer of an AWQ checkpoint on the CPU.
package main

import (
	"fmt"
	"log"
	"os"

	"awqmarlin"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	checkpoint := must(awqmarlin.Open(os.Args[1]))
	cpu := must(awqmarlin.NewCPU(awqmarlin.CPUOptions{}))
	packed := must(checkpoint.Load([]string{os.Args[2]}, awqmarlin.LoadOptions{}))
	layer := must(awqmarlin.NewLinear(cpu, packed, awqmarlin.LinearOptions{}))
	info := must(layer.Info())
	x, y := make([]float32, info.K), make([]float32, info.N)
	workspace := make([]byte, must(layer.WorkspaceBytes(1, awqmarlin.F32)))
	if err := awqmarlin.Run(layer, x, y, 1, workspace); err != nil {
		log.Fatal(err)
	}
	fmt.Println("K", info.K, "N", info.N, "y[0]", y[0])
}
