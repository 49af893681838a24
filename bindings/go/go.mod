module awqmarlin

go 1.19
