#pragma once

#include "CoreMinimal.h"

/**
 * One linear layer of an AWQ checkpoint on the CPU: Y = X * W + bias, X has Rows rows of K floats, Y Rows rows of N.
 * Work is shared out with the engine's ParallelFor; the library starts no threads. Run allocates nothing once it has seen
 * its largest Rows. An object may be used by one thread at a time.
 */
class AWQMARLINRUNTIME_API FAwqMarlinLayer
{
public:
	FAwqMarlinLayer();
	~FAwqMarlinLayer();
	FAwqMarlinLayer(const FAwqMarlinLayer&) = delete;
	FAwqMarlinLayer& operator=(const FAwqMarlinLayer&) = delete;

	/** Opens a Hugging Face directory and takes one of its layers. On false, Error says what was wrong. */
	bool Open(const FString& Directory, const FString& Name, FString& Error);

	/** Writes the layer in the Marlin layout to a safetensors file. */
	static bool SaveMarlin(const FString& Directory, const FString& Name, const FString& File, FString& Error);

	/** Runs the layer. On false, Y is as it was and Error says what was wrong. */
	bool Run(TArrayView<const float> X, TArrayView<float> Y, int32 Rows, FString& Error);

	/** Input features; 0 before Open. */
	int64 GetK() const { return K; }

	/** Output features; 0 before Open. */
	int64 GetN() const { return N; }

private:
	struct FState;
	TUniquePtr<FState> State;
	int64 K = 0;
	int64 N = 0;
};
