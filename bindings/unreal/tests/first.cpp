// What README shows.
#include "AwqMarlinLayer.h"

DEFINE_LOG_CATEGORY_STATIC(LogFirst, Log, All);

int First(const FString& Directory);

int First(const FString& Directory)
{
	FString Error;
	FAwqMarlinLayer Layer;
	if (!Layer.Open(Directory, TEXT("model.layers.0.mlp.up_proj"), Error))
	{
		UE_LOG(LogFirst, Error, TEXT("%s"), *Error);
		return 1;
	}
	TArray<float> X, Y;
	X.Init(1.0f, Layer.GetK());
	Y.Init(0.0f, Layer.GetN());
	return Layer.Run(X, Y, 1, Error) ? 0 : 1;
}
